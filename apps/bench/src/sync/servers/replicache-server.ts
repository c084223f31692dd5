import postgres from 'postgres'
import type { PullRequestV1, PullResponseOKV1, PushRequestV1 } from 'replicache'
import type { Item } from '../../client/item.ts'
import { keyOf } from '../../client/peers/replicache-key.ts'
import { serveSite } from '../../client/serve-site.ts'
import { answerApi, createStreams, type PeerServer } from './api.ts'

const TABLES = `
  create table space (version int not null);
  insert into space values (0);
  create table client (
    id text primary key, client_group text not null, last_mutation_id int not null, last_modified_version int not null
  );
  create index on client (client_group, last_modified_version);
  create table item (key text primary key, value jsonb not null, last_modified_version int not null);
  create index on item (last_modified_version);
`

/**
 * The global version strategy of its documentation, on Postgres: each mutation is a transaction that counts up one
 * version, a pull is one that reads what is newer than its cookie, and after a push everybody is poked. Statements that
 * do not wait for each other go to the database together.
 */
export async function startReplicacheServer(
  databaseUrl: string,
  siteDirectory: string,
  items: readonly Item[],
): Promise<PeerServer> {
  const sql = postgres(databaseUrl, { max: 10, onnotice: () => undefined })
  await sql.unsafe(TABLES)
  const rows = items.map((item) => ({ key: keyOf(item), value: sql.json({ ...item }), last_modified_version: 0 }))
  await sql`insert into item ${sql(rows)}`
  const pokes = createStreams()

  const mutate = (group: string, mutation: PushRequestV1['mutations'][number]): Promise<void> =>
    sql.begin(async (tx) => {
      const [[space], [client]] = await Promise.all([
        tx<{ version: number }[]>`select version from space for update`,
        tx<{ last: number }[]>`select last_mutation_id as last from client where id = ${mutation.clientID}`,
      ])
      if (mutation.id <= (client?.last ?? 0)) return
      if (mutation.name !== 'setNote') throw new Error(`There is no mutator ${mutation.name}.`)
      const { key, note } = mutation.args as { readonly key: string; readonly note: string }
      const version = (space?.version ?? 0) + 1
      await Promise.all([
        tx`update item set value = value || ${tx.json({ note })}, last_modified_version = ${version} where key = ${key}`,
        tx`
          insert into client values (${mutation.clientID}, ${group}, ${mutation.id}, ${version})
          on conflict (id) do update set last_mutation_id = ${mutation.id}, last_modified_version = ${version}`,
        tx`update space set version = ${version}`,
      ])
    }) as Promise<void>

  const push = async (body: unknown): Promise<object> => {
    const { clientGroupID, mutations } = body as PushRequestV1
    for (const mutation of mutations) await mutate(clientGroupID, mutation)
    pokes.tell('poke')
    return {}
  }

  const pull = async (body: unknown): Promise<PullResponseOKV1> => {
    const { clientGroupID, cookie } = body as PullRequestV1
    const since = typeof cookie === 'number' ? cookie : -1
    const [[space], clients, changed] = await sql.begin('isolation level repeatable read read only', (tx) => [
      tx<{ version: number }[]>`select version from space`,
      tx<{ id: string; last: number }[]>`
        select id, last_mutation_id as last from client
        where client_group = ${clientGroupID} and last_modified_version > ${since}`,
      tx<{ key: string; value: never }[]>`select key, value from item where last_modified_version > ${since}`,
    ])
    return {
      cookie: space?.version ?? 0,
      lastMutationIDChanges: Object.fromEntries(clients.map(({ id, last }) => [id, last])),
      patch: changed.map(({ key, value }) => ({ op: 'put', key, value })),
    }
  }

  const site = await serveSite(
    siteDirectory,
    answerApi({ '/api/push': push, '/api/pull': pull }, { path: '/api/poke', streams: pokes }),
  )
  return {
    url: site.url,
    close: async () => {
      await site.close()
      await sql.end({ timeout: 5 })
    },
  }
}
