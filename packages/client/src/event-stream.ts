/** One event of a stream of server-sent events. */
export interface StreamEvent {
  /** `message` where the server gave none. */
  readonly type: string
  readonly data: string
}

/**
 * Reads the format of server-sent events (HTML standard, "Interpreting an event stream") from text that may be cut
 * anywhere. Ids and retry times are left out: what resumes a stream here is the cursor, and the sync loop decides when.
 */
export function createEventReader(onEvent: (event: StreamEvent) => void): (text: string) => void {
  let rest = ''
  let endedInReturn = false
  let type = ''
  let data: string[] = []

  function readLine(line: string): void {
    if (line === '') {
      if (data.length > 0) onEvent({ type: type === '' ? 'message' : type, data: data.join('\n') })
      type = ''
      data = []
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value
  }

  return (text) => {
    if (text === '') return
    // A line that ended in CR is over; a LF that comes with the next piece belongs to it.
    const lines = (endedInReturn && text.startsWith('\n') ? text.slice(1) : text).split(/\r\n|\r|\n/)
    endedInReturn = text.endsWith('\r')
    lines[0] = rest + (lines[0] ?? '')
    rest = lines.pop() ?? ''
    for (const line of lines) readLine(line)
  }
}
