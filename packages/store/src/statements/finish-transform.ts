import type { Driver } from '../driver.ts'
import type { TransformEnd, TransformKey } from '../transform-audit.ts'

/** Ends an entry that is still `started`; one that another process has ended stays as it is. */
export async function finishTransform(
  sql: Driver,
  input: TransformKey & { readonly end: TransformEnd },
): Promise<void> {
  const { end } = input
  await sql.query(
    `update tidemark.stream_transforms
        set state = $4, target_version = $5, failure = $6::jsonb, finished_at = date_trunc('milliseconds', clock_timestamp())
      where tenant = $1 and run = $2 and source = $3 and state = 'started'`,
    [
      input.tenant,
      input.run,
      input.source,
      end.state,
      end.state === 'done' ? end.targetVersion : null,
      end.state === 'failed' ? JSON.stringify(end.failure) : null,
    ],
  )
}
