import type { Driver } from '../driver.ts'
import type { TransformEntry, TransformStart } from '../transform-audit.ts'
import { TRANSFORM_COLUMNS } from './transform-columns.ts'

export async function beginTransform(sql: Driver, input: TransformStart): Promise<TransformEntry> {
  const [row] = await sql.query<TransformEntry>(
    `select ${TRANSFORM_COLUMNS} from tidemark.begin_stream_transform($1, $2, $3, $4, $5)`,
    [input.tenant, input.run, input.source, input.sourceVersion, input.target],
  )
  if (row === undefined) throw new Error('tidemark.begin_stream_transform returned no row.')
  return row
}
