import type { Driver } from '@tidemark/store'
import { list, type CommitAnswer } from './commit-batch.ts'

/** What the whole comparison at a switch may take. */
const DEADLINE_MS = 60_000

/** Writes the batch of a switch's control event: see the SQL function. `missed`: written, without the switch. */
export async function switchGeneration(
  sql: Driver,
  input: {
    readonly lane: number
    readonly from: number
    readonly to: number
    readonly eventId: string
    readonly fence: number
    readonly covered: readonly number[]
    readonly build: number
  },
): Promise<'switched' | 'judged' | 'missed' | Exclude<CommitAnswer, 'committed'>> {
  const [found] = await sql.query<{ answer: 'switched' | 'judged' | 'missed' | Exclude<CommitAnswer, 'committed'> }>(
    'select tidemark.switch_generation($1, $2, $3, $4, $5, $6, $7) as answer',
    [input.lane, input.from, input.to, input.eventId, input.fence, list(input.covered), input.build],
    { deadlineMs: DEADLINE_MS },
  )
  if (found === undefined) throw new Error('tidemark.switch_generation returned no row.')
  return found.answer
}
