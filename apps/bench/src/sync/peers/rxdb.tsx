import { createRxDatabase, type RxCollection, type RxDocument, type RxReplicationPullStreamItem } from 'rxdb'
import { replicateRxCollection } from 'rxdb/plugins/replication'
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie'
import { Subject } from 'rxjs'
import { useEffect, useState, type ReactNode } from 'react'
import { IN_VIEW, type Item } from '../../client/item.ts'
import { ItemRows } from '../../client/item-rows.tsx'
import type { RxBulk, RxCheckpoint } from '../rxdb-wire.ts'
import type { SyncPeer } from '../sync-peer.ts'
import { openStream } from './open-stream.ts'

const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 100 },
    title: { type: 'string' },
    note: { type: 'string' },
    updatedAt: { type: 'number', minimum: 0, maximum: 9_999_999_999_999, multipleOf: 1 },
  },
  required: ['id', 'title', 'note', 'updatedAt'],
  indexes: ['updatedAt'],
} as const

/** As the documentation of its HTTP replication says: documents come over the stream, together with the checkpoint. */
export async function openRxdb(): Promise<SyncPeer> {
  const database = await createRxDatabase({ name: 'bench', storage: getRxStorageDexie() })
  const collections = await database.addCollections({ items: { schema } })
  const items = collections.items as RxCollection<Item>
  const stream = new Subject<RxReplicationPullStreamItem<Item, RxCheckpoint>>()
  const opened = openStream('/api/pullStream', (data) => {
    const { documents, checkpoint } = JSON.parse(data) as RxBulk
    if (checkpoint !== undefined) stream.next({ documents, checkpoint })
  })
  const replication = replicateRxCollection<Item, RxCheckpoint>({
    collection: items,
    replicationIdentifier: 'bench-http',
    // Its page is not always the one in front.
    toggleOnDocumentVisible: false,
    push: {
      handler: async (rows) => {
        const response = await fetch('/api/push', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(rows),
        })
        return (await response.json()) as RxBulk['documents']
      },
    },
    pull: {
      handler: async (checkpoint, batchSize) => {
        const response = await fetch(`/api/pull?changed=${checkpoint?.changed ?? 0}&limit=${batchSize}`)
        return (await response.json()) as RxBulk
      },
      stream$: stream.asObservable(),
    },
  })
  const newest = items.find({ sort: [{ updatedAt: 'desc' }], limit: IN_VIEW })
  const shown = new Map<string, RxDocument<Item>>()
  return {
    List: function List(): ReactNode {
      const [rows, setRows] = useState<readonly Item[]>([])
      useEffect(() => {
        const subscription = newest.$.subscribe((found) => {
          for (const each of found) shown.set(each.id, each)
          setRows(found.map((each) => each.toJSON()))
        })
        return () => subscription.unsubscribe()
      }, [])
      return <ItemRows items={rows} />
    },
    setNote: async (id, note) => void (await shown.get(id)?.incrementalPatch({ note })),
    connected: async () => {
      await replication.awaitInitialReplication()
      await opened
      stream.next('RESYNC')
    },
  }
}
