import { createClient } from '@tidemark/client'
import type { Principal } from '@tidemark/core'
import { TidemarkProvider, useRows } from '@tidemark/react'
import type { ReactNode } from 'react'
import { IN_VIEW, itemsFrom, type Item } from '../item.ts'
import { ItemRows } from '../item-rows.tsx'
import type { Peer } from '../peer.ts'
import { createKindServer } from './kind-server.ts'
import { ItemList, things, Thing } from './tidemark-domain.ts'

/** The client as an app uses it, over a server in the page. */
export async function openTidemark(name: string): Promise<Peer> {
  const principal: Principal = { id: name, tenant: 'bench', name: 'Ada', roles: [] }
  const server = createKindServer()
  const asked = new URLSearchParams(location.search)
  server.holds = asked.has('hold')
  server.online = !asked.has('offline')
  const client = await createClient({ domain: things, principal, transport: server })
  const add = async ({ id: _, ...input }: Item): Promise<void> => {
    const result = await client.dispatch(Thing.commands.add, { stream: client.newStream(Thing), input })
    if (result.kind !== 'stored') throw new Error(`The dispatch ended with ${JSON.stringify(result)}.`)
  }
  return {
    List: function List(): ReactNode {
      return (
        <TidemarkProvider client={client}>
          <Newest />
        </TidemarkProvider>
      )
    },
    receive: (items) => server.deliver(items.map((item) => ({ item, version: 1 }))),
    insert: add,
    setNote: async (id, note) => {
      const result = await client.dispatch(Thing.commands.setNote, { stream: id, input: { note } })
      if (result.kind !== 'stored') throw new Error(`The dispatch ended with ${JSON.stringify(result)}.`)
    },
    extra: {
      online: (on) => {
        server.online = on
        if (on) client.sync()
      },
      settled: () =>
        new Promise((resolve) => {
          const stop = client.pending.subscribe(() => {
            if (client.pending.get().length > 0) return
            stop()
            resolve()
          })
        }),
      heldBack: (count) => server.heldBack(count),
      complete: () =>
        new Promise((resolve) => {
          const look = (): void => {
            if (client.status.get().secondCopy === 'opening') return
            stop()
            resolve()
          }
          const stop = client.status.subscribe(look)
          look()
        }),
      change: (first, count, note) =>
        server.deliver(itemsFrom(first, count).map((item) => ({ item: { ...item, note }, version: 2 }))),
    },
  }
}

/** The newest items, under a provider. */
export function Newest(): ReactNode {
  const { rows } = useRows(ItemList, { index: 'newest', limit: IN_VIEW })
  return <ItemRows items={rows.map(({ key, row }) => ({ id: key, ...row }))} />
}
