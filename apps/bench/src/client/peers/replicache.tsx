import { Replicache, type ReplicacheOptions, type WriteTransaction } from 'replicache'
import { useEffect, useState, type ReactNode } from 'react'
import { IN_VIEW, type Item } from '../item.ts'
import { ItemRows } from '../item-rows.tsx'
import type { Peer } from '../peer.ts'
import { keyOf } from './replicache-key.ts'

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

export interface ReplicachePeer extends Peer {
  /** Asks the server for what is new: what a poke leads to. */
  pull(): void
}

/** As its documentation says: mutators, and a subscription that scans the newest. Without a server it stays alone. */
export function openReplicache(
  name: string,
  server: Pick<ReplicacheOptions<typeof mutators>, 'pushURL' | 'pullURL'> = {},
): ReplicachePeer {
  const replicache = new Replicache({ name, mutators, pullInterval: null, logLevel: 'error', ...server })
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
    pull: () => void replicache.pull(),
    insert: (item) => replicache.mutate.insert(item),
    setNote: (id, note) => replicache.mutate.setNote({ key: keys.get(id) ?? '', note }),
  }
}

const PERSIST_MS = 3_000
