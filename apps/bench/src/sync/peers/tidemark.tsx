import { createClient, createTrpcTransport } from '@tidemark/client'
import type { Principal, Transport } from '@tidemark/core'
import { TidemarkProvider } from '@tidemark/react'
import type { ReactNode } from 'react'
import { Newest } from '../../client/peers/tidemark.tsx'
import { things, Thing } from '../../client/peers/tidemark-domain.ts'
import { TENANT } from '../tenant.ts'
import type { MarkName, SyncPeer } from '../sync-peer.ts'

/** The client as an app uses it. */
export async function openTidemark(user: string, mark: (name: MarkName) => void): Promise<SyncPeer> {
  const response = await fetch('/dev/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tenant: TENANT, user }),
  })
  if (!response.ok) throw new Error(`Signing in was answered ${response.status}.`)
  const { token, principal } = (await response.json()) as { token: string; principal: Principal }
  const transport = marked(createTrpcTransport({ url: '/trpc', token: () => token }), mark)
  const client = await createClient({ domain: things, principal, transport })
  return {
    List: function List(): ReactNode {
      return (
        <TidemarkProvider client={client}>
          <Newest />
        </TidemarkProvider>
      )
    },
    setNote: async (id, note) => {
      const result = await client.dispatch(Thing.commands.setNote, { stream: id, input: { note } })
      if (result.kind !== 'stored') throw new Error(`The dispatch ended with ${JSON.stringify(result)}.`)
    },
    connected: () =>
      new Promise((resolve) => {
        const look = (): void => {
          if (client.status.get().connection === 'live') resolve()
        }
        client.status.subscribe(look)
        look()
      }),
  }
}

/** Says when something goes out, comes in, and is stored; changes nothing. */
function marked(transport: Transport, mark: (name: MarkName) => void): Transport {
  return {
    ...transport,
    push: (request, signal) => {
      mark('sent')
      return transport.push(request, signal)
    },
    live: (request, onMessage, signal) =>
      transport.live(
        request,
        async (message) => {
          if (message.kind === 'page') mark('arrived')
          await onMessage(message)
          if (message.kind === 'page') mark('stored')
        },
        signal,
      ),
  }
}
