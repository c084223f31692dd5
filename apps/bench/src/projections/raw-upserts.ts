import type { Sql } from 'postgres'
import type { DATA } from '../append/workload.ts'

const READ = `select position, stream, data from tidemark.events where lane = 0 and position > $1 order by position limit $2`
const UPSERT = `
  insert into bench.lines as l (tenant, key, customer, lines, quantity)
  select 'bench', x.key, x.customer, x.lines, x.quantity
    from unnest(string_to_array($1, E'\\n'), string_to_array($2, E'\\n'), $3::bigint[], $4::bigint[]) as x (key, customer, lines, quantity)
  on conflict (tenant, key) do update
    set customer = excluded.customer, lines = l.lines + excluded.lines, quantity = l.quantity + excluded.quantity`

interface Read {
  readonly position: number
  readonly stream: string
  readonly data: typeof DATA
}

/** The hand-written loop: reads 500 events, adds them up by row, upserts the rows, remembers nothing. */
export async function runRawUpserts(sql: Sql, events: number): Promise<void> {
  await sql.unsafe(`create schema if not exists bench; drop table if exists bench.lines;
    create table bench.lines (tenant text, key text, customer text, lines bigint, quantity bigint, primary key (tenant, key))`)
  for (let after = 0; after < events;) {
    const read = (await sql.unsafe(READ, [after, 500], { prepare: true })) as unknown as readonly Read[]
    const rows = new Map<string, { customer: string; lines: number; quantity: number }>()
    for (const { stream, data } of read) {
      const row = rows.get(stream) ?? { customer: data.customer, lines: 0, quantity: 0 }
      row.lines += 1
      for (const item of data.items) row.quantity += item.quantity
      rows.set(stream, row)
    }
    const values = [...rows.values()]
    await sql.unsafe(
      UPSERT,
      [
        [...rows.keys()].join('\n'),
        values.map((row) => row.customer).join('\n'),
        `{${values.map((row) => row.lines).join(',')}}`,
        `{${values.map((row) => row.quantity).join(',')}}`,
      ],
      { prepare: true },
    )
    const last = read.at(-1)
    if (last === undefined) throw new Error('The log ended before its end.')
    after = Number(last.position)
  }
  const [found] = await sql.unsafe<{ lines: string }[]>('select sum(lines) as lines from bench.lines')
  if (Number(found?.lines) !== events) throw new Error('The loop has not counted every event.')
}
