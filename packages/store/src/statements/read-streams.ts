import { isLogName, type StoredEvent, type StreamRead } from '@tidemark/core'
import { toArrayLiteral } from '../batch.ts'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'
import { readStream } from './read-stream.ts'
import { oneTenant } from './one-tenant.ts'

/**
 * Many stream reads in one query: per read an index range scan of events_version (the lateral query with an offset keeps
 * the planner from turning it into one big join). Versions are contiguous, so a limit is a range of versions.
 */
export async function readStreams(
  sql: Driver,
  input: { reads: readonly StreamRead[] },
): Promise<readonly (readonly StoredEvent[])[]> {
  const answers: StoredEvent[][] = input.reads.map(() => [])
  // No stream can have another kind of name, and lists of names travel joined by newlines.
  const asked = [...input.reads.entries()].filter(([, read]) => isLogName(read.tenant) && isLogName(read.stream))
  const [only, ...others] = asked
  if (only === undefined) return answers
  if (others.length === 0) {
    const [index, read] = only
    const after = Math.max(0, Math.floor(read.after))
    return answers.with(index, [...(await readStream(sql, { ...read, after }))])
  }
  const rows = await sql.query<StoredEvent & { readonly read: number }>(
    `select x.read, e.*
       from unnest($1::integer[], string_to_array($2, E'\\n'), string_to_array($3, E'\\n'), $4::bigint[], $5::bigint[])
            as x (read, tenant, stream, after, count)
      cross join lateral (
        select ${EVENT_COLUMNS} from tidemark.events
         where tenant = ${oneTenant('x.tenant')} and stream = x.stream and version > x.after
           and (x.count is null or version <= x.after + x.count)
         order by version offset 0) as e
      order by x.read, e.version`,
    [
      toArrayLiteral(asked.map(([index]) => index)),
      asked.map(([, read]) => read.tenant).join('\n'),
      asked.map(([, read]) => read.stream).join('\n'),
      toArrayLiteral(asked.map(([, read]) => Math.max(0, Math.floor(read.after)))),
      toArrayLiteral(asked.map(([, read]) => read.limit ?? null)),
    ],
  )
  for (const { read, ...event } of rows) answers[read]?.push(event)
  return answers
}
