import type { Driver } from '../driver.ts'
import type { TransformEnd, TransformKey } from '../transform-audit.ts'

/** Ends an entry that is still `started`; one that another process has ended stays as it is. */
export async function finishTransform(
  sql: Driver,
  input: TransformKey & { readonly end: TransformEnd },
): Promise<void> {
  const { end } = input
  await sql.query('select tidemark.finish_stream_transform($1, $2, $3, $4, $5, $6)', [
    input.tenant,
    input.run,
    input.source,
    end.state,
    end.state === 'done' ? end.targetVersion : null,
    end.state === 'failed' ? JSON.stringify(end.failure) : null,
  ])
}
