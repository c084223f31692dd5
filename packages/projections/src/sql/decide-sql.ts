import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { createAlarm } from '../alarm.ts'
import type { ParkedAction } from '../control-event.ts'
import type { ParkedAnswer, ParkedDecision } from '../parked-answer.ts'
import { noteDecisions, readDecided, type SqlUnit } from './statements/decisions.ts'

const LOOK_MS = 50

/** Notes a decision about streams that SQL projections hold up, and waits for the workers that carry it out. */
export async function decideSql(
  sql: Driver,
  said: {
    readonly action: ParkedAction
    readonly units: readonly SqlUnit[]
    readonly position: number | null
    readonly edit?: { readonly schema: number; readonly data: Json }
  },
  { principal, note, timeoutMs = 10_000 }: ParkedDecision,
): Promise<ParkedAnswer> {
  const [first] = said.units
  if (first === undefined) return { kind: 'nothing' }
  const ids = await noteDecisions(sql, { ...said, principal, note: note ?? null })
  const until = performance.now() + timeoutMs
  const alarm = createAlarm()
  for (;;) {
    const { left, settled, skipped, remaining } = await readDecided(sql, { ids })
    if (left === 0) return { kind: 'done', settled, skipped, remaining, more: false }
    if (performance.now() >= until) return { kind: 'pending', lane: first.lane, position: null }
    await alarm.wait(LOOK_MS)
  }
}
