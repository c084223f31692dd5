import type { Driver } from '../driver.ts'
import type { TransformEntry, TransformRead } from '../transform-audit.ts'
import { TRANSFORM_COLUMNS } from './transform-columns.ts'

/** A page of a run's entries: a range scan of stream_transforms_source. */
export async function readTransforms(sql: Driver, input: TransformRead): Promise<readonly TransformEntry[]> {
  return sql.query<TransformEntry>(
    `select ${TRANSFORM_COLUMNS} from tidemark.stream_transforms
      where tenant = $1 and run = $2 and source > $3 and ($4::text is null or state = $4)
      order by source limit $5`,
    [input.tenant, input.run, input.after ?? '', input.state ?? null, input.limit ?? 500],
  )
}
