import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Principal } from '@tidemark/core'
import { openProjections, type Projections } from '@tidemark/projections'
import { createDevIssuer, createSyncServer, readOrMakeSealKey } from '@tidemark/server'
import { openStore, type PostgresStore } from '@tidemark/store'
import type { Item } from '../../client/item.ts'
import { things } from '../../client/peers/tidemark-domain.ts'
import { TENANT } from '../tenant.ts'
import { now, type Mark, type MarkName } from '../sync-peer.ts'
import type { PeerServer } from './api.ts'

export interface TidemarkServer extends PeerServer {
  /** What happened when; those of reading and writing are the receiver's. */
  readonly marks: readonly Mark[]
}

/** The whole server as an app starts it, with tokens, limits and durability as they come. */
export async function startTidemarkServer(
  databaseUrl: string,
  siteDirectory: string,
  directory: string,
  items: readonly Item[],
  users: { readonly sender: string; readonly receiver: string },
): Promise<TidemarkServer> {
  const marks: Mark[] = []
  const mark = (name: MarkName): void => void marks.push({ name, at: now() })
  const store = await openStore({ url: databaseUrl })
  const projections = await openProjections({ store, domain: things })
  projections.start()
  projections.onAdvance(() => mark('projected'))
  const accounts = Object.values(users).map((user) => ({
    tenant: TENANT,
    tenantName: 'Bench',
    user,
    name: user,
    roles: [],
  }))
  const issuer = await createDevIssuer({ directory, accounts })
  const server = await createSyncServer({
    domain: things,
    store: markedStore(store, mark),
    projections: markedProjections(projections, users.receiver, mark),
    verifier: issuer.verifier,
    devIssuer: issuer,
    sealKeys: [await readOrMakeSealKey(join(directory, 'keys'))],
    staticDirectory: siteDirectory,
  })
  const principal: Principal = { id: 'importer', tenant: TENANT, name: 'Importer', roles: [] }
  const commands = items.map(({ id: _, ...input }) => ({
    id: randomUUID(),
    type: 'item.add',
    schema: 1,
    stream: `item/${randomUUID()}`,
    input,
    occurredAt: new Date(input.updatedAt).toISOString(),
    base: null,
  }))
  const device = randomUUID()
  for (let first = 0; first < commands.length; first += 100) {
    const answers = await server.pipeline.push(principal, device, commands.slice(first, first + 100))
    for (const { answer } of answers)
      if (answer.kind !== 'accepted') throw new Error(`An item was answered ${JSON.stringify(answer)}.`)
  }
  const lane = await store.laneOf(TENANT)
  const { kind } = await projections.waitFor({ lane, position: await store.head(lane) }, 60_000)
  if (kind !== 'reached') throw new Error('The items did not get into the list in a minute.')

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '' } = request
    if (url.startsWith('/trpc/sync.push')) {
      mark('received')
      response.once('finish', () => mark('answered'))
    }
    if (url.startsWith('/trpc/sync.live') && isOf(users.receiver, request)) markWrites(response, mark)
    server.handle(request, response)
  }
  const listener = createServer(handle)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    marks,
    close: async () => {
      await server.close()
      await new Promise<void>((resolve) => {
        listener.close(() => resolve())
        listener.closeAllConnections()
      })
      await projections.close()
      await store.close()
    },
  }
}

/** The same store, that says when an append is answered. */
function markedStore(store: PostgresStore, mark: (name: MarkName) => void): PostgresStore {
  return new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target)
      if (key !== 'append' || typeof value !== 'function') return value
      return async (...args: Parameters<PostgresStore['append']>) => {
        const answer = await target.append(...args)
        mark('appended')
        return answer
      }
    },
  })
}

/** The same projections, that say when a page is read for the receiver. */
function markedProjections(projections: Projections, receiver: string, mark: (name: MarkName) => void): Projections {
  return {
    ...projections,
    readPage: async (read) => {
      const isReceiver = read.outcomes.kind === 'device' && read.outcomes.principal === receiver
      if (isReceiver) mark('looked')
      const page = await projections.readPage(read)
      if (isReceiver) mark('read')
      return page
    },
  }
}

function markWrites(response: ServerResponse, mark: (name: MarkName) => void): void {
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  response.write = ((...args: unknown[]) => {
    mark('written')
    return write(...args)
  }) as typeof response.write
}

/** Reads the token without checking it: the server does. */
function isOf(user: string, { headers }: IncomingMessage): boolean {
  const claims = headers.authorization?.split('.')[1]
  if (claims === undefined) return false
  return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub?: unknown }).sub === user
}
