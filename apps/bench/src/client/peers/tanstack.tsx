import { createCollection, createIndexedDB, indexedDBCollectionOptions } from '@tanstack/db'
import { useLiveQuery } from '@tanstack/react-db'
import type { ReactNode } from 'react'
import { IN_VIEW, type Item } from '../item.ts'
import { ItemRows } from '../item-rows.tsx'
import type { Peer } from '../peer.ts'

/** As its documentation says: a collection in IndexedDB, and a live query of the newest. */
export async function openTanstack(name: string): Promise<Peer> {
  const db = await createIndexedDB({ name, version: 1, stores: ['items'] })
  const items = createCollection(
    indexedDBCollectionOptions<Item, string>({ db, name: 'items', getKey: ({ id }) => id }),
  )
  return {
    List: function List(): ReactNode {
      const { data } = useLiveQuery((query) =>
        query
          .from({ item: items })
          .orderBy(({ item }) => item.updatedAt, 'desc')
          .limit(IN_VIEW),
      )
      return <ItemRows items={data} />
    },
    receive: async (some) => void (await items.insert([...some]).isPersisted.promise),
    insert: async (item) => void (await items.insert(item).isPersisted.promise),
    setNote: async (id, note) =>
      void (await items.update(id, (draft) => Object.assign(draft, { note })).isPersisted.promise),
  }
}
