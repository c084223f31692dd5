/** Server-sent events; resolves when the stream is open. */
export function openStream(url: string, onMessage: (data: string) => void): Promise<void> {
  const source = new EventSource(url)
  source.onmessage = ({ data }) => onMessage(data as string)
  return new Promise((resolve) => {
    source.onopen = () => resolve()
  })
}
