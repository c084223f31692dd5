import type { Uuid } from '@tidemark/core'
import { decodeFrames, encodeFrame } from './frames.ts'
import type { JournalContents, JournalEntry, LostCommand } from './journal.ts'

type Put = JournalEntry & { readonly kind: 'put' }

/** What an entry said, short: kept in the frame after it, so that damage to one frame can be named. */
type Brief =
  | ({ readonly kind: 'put'; readonly at: number } & LostCommand)
  | (JournalEntry & { readonly kind: 'end' | 'clear' })

interface Frame {
  /** Counts the frames of a file from 0: a gap is damage. */
  readonly n: number
  readonly device: Uuid
  readonly entries: readonly JournalEntry[]
  /** The entries of frame `n - 1`. */
  readonly before: readonly Brief[]
}

export interface FileEnd {
  readonly n: number
  readonly before: readonly Brief[]
}

export const EMPTY_FILE: FileEnd = { n: 0, before: [] }

/** The bytes that append these entries to a file that ends so, and how it ends then. */
export function encodeEntries(
  device: Uuid,
  end: FileEnd,
  entries: readonly JournalEntry[],
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly end: FileEnd } {
  const frame: Frame = { n: end.n, device, entries, before: end.before }
  const bytes = encodeFrame(new TextEncoder().encode(JSON.stringify(frame)))
  return { bytes, end: { n: end.n + 1, before: entries.map(toBrief) } }
}

function toBrief(entry: JournalEntry): Brief {
  if (entry.kind !== 'put') return entry
  const { id, type, stream, occurredAt } = entry.command
  return { kind: 'put', at: entry.at, id, type, stream, occurredAt }
}

/** What the files hold together: the union of what they say, the later word counting. Pure. */
export function foldFiles(files: readonly Uint8Array[]): Omit<JournalContents, 'gone'> {
  const puts = new Map<Uuid, Put>()
  const named = new Map<Uuid, LostCommand & { readonly at: number }>()
  const ends = new Map<Uuid, number>()
  let device: Uuid | null = null
  let deviceAt = -1
  let cleared = -1
  let unnamed = 0
  let last = 0

  const note = (entry: JournalEntry | Brief): void => {
    last = Math.max(last, entry.at)
    if (entry.kind === 'clear') cleared = Math.max(cleared, entry.at)
    else if (entry.kind === 'end') ends.set(entry.id, Math.max(entry.at, ends.get(entry.id) ?? 0))
    else if (!('command' in entry)) named.set(entry.id, entry)
    else if ((puts.get(entry.command.id)?.at ?? -1) < entry.at) puts.set(entry.command.id, entry)
  }

  for (const bytes of files) {
    const { payloads, damaged } = decodeFrames(bytes)
    let expected = 0
    let gaps = 0
    for (const payload of payloads) {
      const frame = toFrame(payload)
      if (frame === null) {
        unnamed += 1
        continue
      }
      const missing = frame.n - expected
      if (missing > 0) {
        gaps += 1
        unnamed += missing - 1
        for (const brief of frame.before) note(brief)
      }
      expected = frame.n + 1
      for (const entry of frame.entries) note(entry)
      if (last > deviceAt) {
        device = frame.device
        deviceAt = last
      }
    }
    // The last frame has nobody behind it that could name it.
    unnamed += Math.max(0, damaged - gaps)
  }

  const isOver = (id: Uuid, at: number): boolean => at <= cleared || (ends.get(id) ?? -1) >= at
  return {
    device,
    live: [...puts.values()]
      .filter(({ at, command }) => !isOver(command.id, at))
      .sort((a, b) => a.command.seq - b.command.seq),
    lost: [...named.values()].flatMap(({ id, type, stream, occurredAt, at }) =>
      puts.has(id) || isOver(id, at) ? [] : [{ id, type, stream, occurredAt, at }],
    ),
    unnamed,
    last,
  }
}

/** `null` for what some other program has written with a right checksum. */
function toFrame(payload: Uint8Array): Frame | null {
  try {
    const frame = JSON.parse(new TextDecoder().decode(payload)) as Frame
    return Number.isInteger(frame.n) && Array.isArray(frame.entries) ? frame : null
  } catch {
    return null
  }
}
