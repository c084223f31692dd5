import { useEffect, useState } from 'react'
import type { HistoryResult } from '@tidemark/client'
import type { StreamId } from '@tidemark/core'
import { useClient, useSyncStatus } from '@tidemark/react'

/** A stream's history; read again when the stream has moved or the server is back. The last answer stays meanwhile. */
export function useHistory(stream: StreamId, version: number): HistoryResult | undefined {
  const client = useClient()
  const { connection, pending } = useSyncStatus()
  const live = connection === 'live'
  const [result, setResult] = useState<HistoryResult>()
  useEffect(() => {
    const left = new AbortController()
    void client.history(stream, left.signal).then((found) => {
      if (!left.signal.aborted) setResult(found)
    })
    return () => left.abort()
  }, [client, stream, version, live, pending])
  return result
}
