import type { Driver } from '@tidemark/store'
import { toParkedRow, type CommitAnswer } from '../../statements/commit-batch.ts'
import { encodeStatements, type SqlPlan } from '../plan-statements.ts'

/** Statements run one by one in the database. */
const DEADLINE_MS = 30_000

interface CommitStatements {
  readonly projection: number
  readonly lane: number
  readonly from: number
  readonly to: number
  readonly eventId: string
  readonly fence: number
  readonly plan: SqlPlan
  /** Of the tables, when it was looked which streams are held up. */
  readonly revision: number
}

/** Runs a batch's statements and moves the checkpoint from `from` to `to`, in one call. */
export async function commitStatements(sql: Driver, input: CommitStatements): Promise<CommitAnswer> {
  const { projection, lane, from, to, eventId, fence, plan, revision } = input
  const { texts, runs } = encodeStatements(plan.statements)
  const [answer] = await sql.query<{ answer: CommitAnswer }>(
    'select tidemark.commit_statements($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as answer',
    [projection, lane, from, to, eventId, fence, texts, runs, JSON.stringify(plan.parked.map(toParkedRow)), revision],
    { deadlineMs: DEADLINE_MS },
  )
  if (answer === undefined) throw new Error('tidemark.commit_statements returned no row.')
  return answer.answer
}
