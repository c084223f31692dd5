import postgres from 'postgres'
import type { Item } from '../../client/item.ts'
import { serveSite } from '../../client/serve-site.ts'
import type { RxBulk, RxDocument, RxPushRow } from '../rxdb-wire.ts'
import { answerApi, createStreams, type PeerServer } from './api.ts'

const TABLES = `
  create sequence change;
  create table item (id text primary key, document jsonb not null, changed int not null default nextval('change'));
  create index on item (changed);
`

/**
 * What its documentation of HTTP replication asks for, on Postgres: a pull after a checkpoint, a push that answers with
 * what is in conflict, and a stream that carries each change together with its checkpoint.
 */
export async function startRxdbServer(
  databaseUrl: string,
  siteDirectory: string,
  items: readonly Item[],
): Promise<PeerServer> {
  const sql = postgres(databaseUrl, { max: 10, onnotice: () => undefined })
  await sql.unsafe(TABLES)
  const rows = items.map((item) => ({ id: item.id, document: sql.json({ ...item, _deleted: false }) }))
  await sql`insert into item ${sql(rows)}`
  const streams = createStreams()

  const pull = async (_: unknown, parameters: URLSearchParams): Promise<RxBulk> => {
    const changed = Number(parameters.get('changed'))
    const found = await sql<{ document: RxDocument; changed: number }[]>`
      select document, changed from item where changed > ${changed} order by changed limit ${Number(parameters.get('limit'))}`
    const last = found.at(-1)
    return {
      documents: found.map(({ document }) => document),
      checkpoint: { changed: last?.changed ?? changed },
    }
  }

  const push = async (body: unknown): Promise<readonly RxDocument[]> => {
    const conflicts: RxDocument[] = []
    const stored: { readonly document: RxDocument; readonly changed: number }[] = []
    await sql.begin(async (tx) => {
      for (const { newDocumentState, assumedMasterState } of body as readonly RxPushRow[]) {
        const [real] = await tx<{ document: RxDocument }[]>`
          select document from item where id = ${newDocumentState.id} for update`
        if (real !== undefined && !isSame(real.document, assumedMasterState)) {
          conflicts.push(real.document)
          continue
        }
        const [written] = await tx<{ changed: number }[]>`
          insert into item (id, document) values (${newDocumentState.id}, ${tx.json({ ...newDocumentState })})
          on conflict (id) do update set document = excluded.document, changed = excluded.changed
          returning changed`
        stored.push({ document: newDocumentState, changed: written?.changed ?? 0 })
      }
    })
    const last = stored.at(-1)
    if (last !== undefined) {
      const documents = stored.map(({ document }) => document)
      streams.tell(JSON.stringify({ documents, checkpoint: { changed: last.changed } } satisfies RxBulk))
    }
    return conflicts
  }

  const site = await serveSite(
    siteDirectory,
    answerApi({ '/api/push': push, '/api/pull': pull }, { path: '/api/pullStream', streams }),
  )
  return {
    url: site.url,
    close: async () => {
      await site.close()
      await sql.end({ timeout: 5 })
    },
  }
}

function isSame(a: RxDocument, b: RxDocument | undefined): boolean {
  return b !== undefined && a.note === b.note && a.title === b.title && a.updatedAt === b.updatedAt
}
