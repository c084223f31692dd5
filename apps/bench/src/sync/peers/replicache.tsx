import { openReplicache as openPeer } from '../../client/peers/replicache.tsx'
import type { SyncPeer } from '../sync-peer.ts'
import { openStream } from './open-stream.ts'

/** As its documentation says: push and pull over HTTP with its own defaults, and a pull on each poke. */
export function openReplicache(user: string): SyncPeer {
  const peer = openPeer(user, { pushURL: '/api/push', pullURL: '/api/pull' })
  const stream = openStream('/api/poke', peer.pull)
  return {
    List: peer.List,
    setNote: peer.setNote,
    // What came before the stream was open is asked for.
    connected: async () => {
      await stream
      peer.pull()
    },
  }
}
