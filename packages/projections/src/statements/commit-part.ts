import type { Driver } from '@tidemark/store'
import type { BatchWrites } from '../fold-batch.ts'
import { list, toParkedRow, type CommitAnswer } from './commit-batch.ts'

export interface PartCommit {
  readonly consumer: string
  readonly lane: number
  readonly id: number
  readonly from: number
  /** `null`: a first portion; the checkpoint stays. */
  readonly to: number | null
  readonly fence: number
  readonly writes: BatchWrites
}

/** Writes what a key range of a build holds; see the SQL function. All rows are of one projection. */
export async function commitPart(sql: Driver, input: PartCommit): Promise<CommitAnswer> {
  const { rows, gone, tombstones, lifted, parked } = input.writes
  const [answer] = await sql.query<{ answer: CommitAnswer }>(
    `select tidemark.commit_part($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                                 $21, $22, $23, $24) as answer`,
    [
      input.consumer,
      input.lane,
      input.id,
      input.from,
      input.to,
      input.fence,
      rows.map((row) => row.tenant).join('\n'),
      rows.map((row) => row.key).join('\n'),
      rows.map((row) => row.scope).join('\n'),
      rows.map((row) => row.text).join('\n'),
      list(rows.map((row) => row.position)),
      list(rows.map((row) => row.changed)),
      list(rows.map((row) => row.stale)),
      gone.map((row) => row.tenant).join('\n'),
      gone.map((row) => row.key).join('\n'),
      tombstones.map((at) => at.tenant).join('\n'),
      tombstones.map((at) => at.scope).join('\n'),
      tombstones.map((at) => at.key).join('\n'),
      list(tombstones.map((at) => at.position)),
      list(tombstones.map((at) => at.changed)),
      lifted.map((at) => at.tenant).join('\n'),
      lifted.map((at) => at.scope).join('\n'),
      lifted.map((at) => at.key).join('\n'),
      JSON.stringify(parked.map(toParkedRow)),
    ],
  )
  if (answer === undefined) throw new Error('tidemark.commit_part returned no row.')
  return answer.answer
}
