import type { StreamId } from '@tidemark/core'
import type { Driver } from './driver.ts'
import { listStreams } from './statements/list-streams.ts'

const PAGE_STREAMS = 500

/**
 * A tenant's streams in the order of their names, paged: what `transformStreams` selects from. Streams that appear meanwhile
 * behind the current place are listed too.
 *
 * @param prefix Only streams whose id starts so, for example `order/`.
 */
export async function* streamsOf(sql: Driver, tenant: string, prefix = ''): AsyncGenerator<StreamId> {
  for (let after = { tenant, stream: prefix }; ;) {
    const page = await listStreams(sql, { tenant, after, limit: PAGE_STREAMS })
    for (const { stream } of page) {
      if (!stream.startsWith(prefix)) return
      after = { tenant, stream }
      yield stream
    }
    if (page.length < PAGE_STREAMS) return
  }
}
