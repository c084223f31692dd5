import { Dexie, liveQuery, type Table } from 'dexie'
import { useEffect, useState, type ReactNode } from 'react'
import { IN_VIEW, type Item } from '../item.ts'
import { ItemRows } from '../item-rows.tsx'
import type { Peer } from '../peer.ts'

interface Stored extends Item {
  readonly table: string
}

/** The floor: one indexed table, a live query of the newest, and strict durability as an app with unsent work needs it. */
export function openDexie(name: string): Peer {
  const db = new Dexie(name, { chromeTransactionDurability: 'strict' })
  db.version(1).stores({ items: 'id, updatedAt', records: '[table+id], [table+updatedAt]', queue: '++seq' })
  const items: Table<Item, string> = db.table('items')
  const records: Table<Stored, [string, string]> = db.table('records')
  const queue: Table<{ readonly seq?: number; readonly item: Item }, number> = db.table('queue')
  const newest = liveQuery(() => items.orderBy('updatedAt').reverse().limit(IN_VIEW).toArray())
  return {
    List: function List(): ReactNode {
      const [rows, setRows] = useState<readonly Item[]>([])
      useEffect(() => {
        const subscription = newest.subscribe(setRows)
        return () => subscription.unsubscribe()
      }, [])
      return <ItemRows items={rows} />
    },
    receive: async (received) => void (await items.bulkPut(received)),
    insert: async (item) => void (await items.put(item)),
    setNote: async (id, note) => void (await items.update(id, { note })),
    extra: {
      bulkPut: async (some) =>
        void (await records.bulkPut(some.flatMap((item) => ['list', 'state'].map((table) => ({ ...item, table }))))),
      // A batch as it is sent, one transaction each: rows in, commands out of the queue and kept.
      drainLoop: async (count) => {
        await queue.bulkAdd(Array.from({ length: count }, (_, at) => ({ item: item(at) })))
        const start = performance.now()
        for (;;) {
          const batch = await queue.limit(BATCH).toArray()
          if (batch.length === 0) break
          await db.transaction('rw', [records, queue], async () => {
            await records.bulkPut(
              batch.flatMap((each) => ['list', 'state', 'kept'].map((table) => ({ ...each.item, table }))),
            )
            await queue.bulkDelete(batch.flatMap(({ seq }) => seq ?? []))
          })
        }
        performance.measure('drain-loop', { start })
      },
    },
  }
}

const BATCH = 200

function item(number: number): Item {
  return { id: `drained/${number}`, title: `Item ${number} of a list that somebody keeps`, note: '', updatedAt: number }
}
