import { webcrypto } from 'node:crypto'
import { createIdGenerator } from '@tidemark/core'
import postgres from 'postgres'

/**
 * The floor that the import is measured against: one durable single-row INSERT per command, one after the other, over
 * one connection, into a table with the very columns, keys and indexes of the log, with time-ordered ids as there.
 *
 * @returns inserts per second
 */
export async function measureInserts(databaseUrl: string, count: number): Promise<number> {
  const newId = createIdGenerator({ now: Date.now, random: (bytes) => void webcrypto.getRandomValues(bytes) })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined })
  try {
    await sql`create schema if not exists bench`
    await sql`drop table if exists bench.plain`
    await sql`create table bench.plain (like tidemark.events including all)`
    const data = {
      line: newId(),
      product: '85123A',
      description: 'WHITE HANGING HEART T-LIGHT HOLDER',
      quantity: 6,
      unitPrice: 255,
    }
    const insert = async (position: number): Promise<void> => {
      const now = new Date()
      await sql`
        insert into bench.plain (
          position, version, id, command_id, command_hash, occurred_at, recorded_at, lane, schema,
          tenant, stream, type, principal, device, data, metadata
        ) values (
          ${position}, ${1}, ${newId()}, ${newId()}, ${newId()}, ${now}, ${now}, ${1}, ${1},
          'bench', ${`order/${position}`}, 'order.lineAdded', 'import', ${null}, ${sql.json(data)}, ${sql.json({})}
        )`
    }
    // The first calls prepare the statement and warm the caches.
    for (let position = 1; position <= 200; position += 1) await insert(position)
    const started = performance.now()
    for (let position = 201; position <= 200 + count; position += 1) await insert(position)
    return count / ((performance.now() - started) / 1_000)
  } finally {
    await sql`drop schema if exists bench cascade`
    await sql.end({ timeout: 5 })
  }
}
