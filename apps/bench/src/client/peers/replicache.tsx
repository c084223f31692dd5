import { Replicache, type WriteTransaction } from 'replicache'
import { useEffect, useState, type ReactNode } from 'react'
import { IN_VIEW, type Item } from '../item.ts'
import { ItemRows } from '../item-rows.tsx'
import type { Peer } from '../peer.ts'

const mutators = {
  receive: async (tx: WriteTransaction, items: readonly Item[]) => {
    for (const item of items) await tx.set(keyOf(item), { ...item })
  },
  insert: async (tx: WriteTransaction, item: Item) => tx.set(keyOf(item), { ...item }),
  setNote: async (tx: WriteTransaction, args: { readonly key: string; readonly note: string }) => {
    const item = (await tx.get(args.key)) as unknown as Item
    await tx.set(args.key, { ...item, note: args.note })
  },
}

/** Newest first in the order of keys, as its scans go. The key is derived from the item alone, so a change finds it. */
function keyOf({ id, updatedAt }: Item): string {
  return `item/${String(9_999_999_999_999 - updatedAt).padStart(13, '0')}/${id}`
}

/** As its documentation says: mutators, and a subscription that scans the newest. It has no server here. */
export function openReplicache(name: string): Peer {
  const replicache = new Replicache({ name, mutators, pullInterval: null, logLevel: 'error' })
  const keys = new Map<string, string>()
  return {
    List: function List(): ReactNode {
      const [rows, setRows] = useState<readonly Item[]>([])
      useEffect(
        () =>
          replicache.subscribe(
            async (tx) => {
              const found: Item[] = []
              for await (const value of tx.scan({ prefix: 'item/', limit: IN_VIEW }))
                found.push(value as unknown as Item)
              return found as never
            },
            (found) => {
              const items = found as unknown as readonly Item[]
              for (const item of items) keys.set(item.id, keyOf(item))
              setRows(items)
            },
          ),
        [],
      )
      return <ItemRows items={rows} />
    },
    receive: async (items) => {
      await replicache.mutate.receive(items)
      // It keeps what it has a little later, of itself, and does not say when.
      await new Promise((resolve) => setTimeout(resolve, PERSIST_MS))
    },
    insert: (item) => replicache.mutate.insert(item),
    setNote: (id, note) => replicache.mutate.setNote({ key: keys.get(id) ?? '', note }),
  }
}

const PERSIST_MS = 3_000
