import { useEffect, useState } from 'react'
import type { SyncStatus } from '@tidemark/client'
import { useSyncStatus } from '@tidemark/react'

/** Drops shorter than this show nothing: they heal before anybody could do something about them. */
const SHORT_DROP_MS = 5_000

/**
 * The sync status for people. A connection that drops is shown once the drop has lasted; where the browser itself
 * says that there is no network, at once. What it says about work (counts, attention) is never late.
 */
export function useSteadyStatus(): SyncStatus {
  const status = useSyncStatus()
  const [shown, setShown] = useState(status.connection)
  const { connection } = status
  useEffect(() => {
    const dropped = connection === 'connecting' || (connection === 'offline' && navigator.onLine)
    if (shown !== 'live' || !dropped) {
      setShown(connection)
      return undefined
    }
    const timer = setTimeout(() => setShown(connection), SHORT_DROP_MS)
    return () => clearTimeout(timer)
  }, [connection, shown])
  return shown === connection ? status : { ...status, connection: shown }
}
