import type { Mark, MarkName } from './sync-peer.ts'

/** The way from one device to the other, in order; each ends where the next begins. */
export const STAGES = [
  'sent',
  'received',
  'appended',
  'projected',
  'looked',
  'read',
  'written',
  'arrived',
  'stored',
  'painted',
] as const
export type Stage = (typeof STAGES)[number]

/** One change that went across. Times are milliseconds since 1970. */
export interface Crossing {
  readonly dispatched: number
  readonly painted: number
}

/**
 * Milliseconds that each stage took, by its end; `undefined` where a mark is missing. Of several looks and reads the last
 * before the stream was written to counts: those before it found nothing.
 */
export function stagesOf(crossing: Crossing, marks: readonly Mark[]): Readonly<Record<Stage, number>> | undefined {
  const { dispatched, painted } = crossing
  const own = marks.filter(({ at }) => at >= dispatched && at <= painted).toSorted((a, b) => a.at - b.at)
  const first = (name: MarkName, from: number | undefined): number | undefined =>
    from === undefined ? undefined : own.find((mark) => mark.name === name && mark.at >= from)?.at
  const last = (name: MarkName, to: number | undefined): number | undefined =>
    to === undefined ? undefined : own.findLast((mark) => mark.name === name && mark.at <= to)?.at
  const sent = first('sent', dispatched)
  const received = first('received', sent)
  const appended = first('appended', received)
  const projected = first('projected', appended)
  const written = first('written', projected)
  const read = last('read', written)
  const looked = last('looked', read)
  const arrived = first('arrived', written)
  const stored = first('stored', arrived)
  const ends = { sent, received, appended, projected, looked, read, written, arrived, stored, painted }
  const stages: Partial<Record<Stage, number>> = {}
  let before = dispatched
  for (const stage of STAGES) {
    const at = ends[stage]
    if (at === undefined) return undefined
    stages[stage] = at - before
    before = at
  }
  return stages as Record<Stage, number>
}
