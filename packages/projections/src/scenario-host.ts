import { randomUUID } from 'node:crypto'
import type { Domain, DomainEvent, Json } from '@tidemark/core'
import { openStore, type Driver } from '@tidemark/store'
import { CLOSED } from './circuit-breaker.ts'
import { definitionOf } from './definition.ts'
import { openProjections } from './open-projections.ts'
import { toProjectionSet } from './registered-projection.ts'
import { runBatch } from './run-batch.ts'
import { createRunGuarded } from './run-guarded.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { enterLane, registerProjection } from './statements/registry.ts'

const LANE = 0

/**
 * The engine on Postgres, one step at a time, for the scenarios of `@tidemark/testing`: a step is before and after each call
 * to the database, so that a crash can be put between any two. `url` names a database that nobody else works on.
 */
export async function openScenarioHost(options: { readonly url: string; readonly domain: Domain }) {
  const { url, domain } = options
  const store = await openStore({ url, hints: false })
  const sql = store.sql()
  // Brings the schema up to date; its worker is never started.
  await (await openProjections({ store, domain })).close()
  const members = []
  for (const projection of domain.projections) {
    members.push({ id: await registerProjection(sql, projection), projection })
  }
  const own = members.map(({ id, projection }) => ({ id, definition: definitionOf(projection) }))
  await enterLane(sql, { lane: LANE, holder: 'scenario', own, retireOthers: true })
  const set = toProjectionSet(members)
  const runGuarded = createRunGuarded(500)

  return {
    append: async (tenant: string, events: readonly DomainEvent[]): Promise<void> => {
      for (const { type, streamId, data, occurredAt, principal } of events) {
        const schema = domain.eventsByType.get(type)?.version
        if (schema === undefined) throw new TypeError(`The domain has no event "${type}".`)
        const answer = await store.append({
          tenant,
          stream: streamId,
          expected: 'any',
          principal,
          device: null,
          command: null,
          occurredAt,
          events: [{ id: randomUUID(), type, schema, data: data as Json, metadata: {} }],
        })
        if (answer.kind !== 'appended') throw new Error(`An event was not stored: ${JSON.stringify(answer)}`)
      }
    },
    work: async (work: {
      readonly batch: number
      readonly offerTwice: boolean
      readonly step: () => void
    }): Promise<void> => {
      const { batch, offerTwice, step } = work
      const stepping = async <T>(call: Promise<T>): Promise<T> => {
        const answer = await call
        step()
        return answer
      }
      const stepped: Driver = {
        ...sql,
        query: (text, parameters, more) => {
          step()
          return stepping(sql.query(text, parameters, more))
        },
      }
      const readLane: typeof store.readLane = (read) => {
        step()
        return stepping(store.readLane(read))
      }
      const context = { domain, store: { readLane }, sql: stepped, runGuarded }
      for (;;) {
        const from = (await readCheckpoint(stepped, { consumer: SYNCED, lane: LANE }))?.position ?? 0
        const request = { consumer: SYNCED, lane: LANE, from, limit: batch, fence: 0, set, judge: () => CLOSED }
        const done = await runBatch(context, request)
        if (done.kind === 'empty') return
        if (done.kind !== 'committed') throw new Error(`A batch ended as ${JSON.stringify(done)}.`)
        if (!offerTwice) continue
        const again = await runBatch(context, request)
        if (again.kind !== 'stale') throw new Error(`A batch that was offered twice ended as ${again.kind}.`)
      }
    },
    rows: async (tenant: string, projection: string): Promise<Readonly<Record<string, unknown>>> => {
      const found = await sql.query<{ key: string; row: Json }>(
        `select r.key, r.row from tidemark.rows r join tidemark.projections p on p.id = r.projection
          where p.name = $1 and r.tenant = $2`,
        [projection, tenant],
      )
      return Object.fromEntries(found.map(({ key, row }) => [key, row]))
    },
    close: (): Promise<void> => store.close(),
  }
}
