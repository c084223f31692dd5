import { sqlProjection, type SqlStatement } from '@tidemark/projections'
import { answerQuery, type QueryHandler } from '@tidemark/server'
import { Product, StockTotals } from '../../domain/index.ts'

interface Move {
  readonly onHand?: number
  readonly reserved?: number
}

/** Counters that are raised and lowered by each event, and what each product adds to them. */
export const StockCounters = sqlProjection('stock-counters', {
  on: [Product],
  tables: (schema) => [
    `create table ${schema}.products (tenant text collate "C", stream text collate "C", on_hand bigint not null,
       price bigint not null, primary key (tenant, stream))`,
    `create table ${schema}.totals (tenant text collate "C" primary key, products bigint not null, on_hand bigint not null,
       reserved bigint not null, value bigint not null)`,
  ],
  apply: {
    'product.registered': (e, { schema, tenant }) => ({
      text: `with before as (select on_hand, price from ${schema}.products where tenant = $1 and stream = $2),
                  now as (insert into ${schema}.products as p values ($1, $2, 0, $3::bigint)
                          on conflict (tenant, stream) do update set price = excluded.price)
             insert into ${schema}.totals as t
             select $1, 1, 0, 0, coalesce((select on_hand * ($3::bigint - price) from before), 0)
             on conflict (tenant) do update set products = t.products + 1, value = t.value + excluded.value`,
      values: [tenant, e.streamId, e.data.unitPrice],
    }),
    'product.received': (e, { schema, tenant }) => move(schema, tenant, e.streamId, { onHand: e.data.quantity }),
    'product.adjusted': (e, { schema, tenant }) => move(schema, tenant, e.streamId, { onHand: e.data.by }),
    'product.reserved': (e, { schema, tenant }) => move(schema, tenant, e.streamId, { reserved: e.data.quantity }),
    'product.released': (e, { schema, tenant }) => move(schema, tenant, e.streamId, { reserved: -e.data.quantity }),
    'product.issued': (e, { schema, tenant }) =>
      move(schema, tenant, e.streamId, { onHand: -e.data.quantity, reserved: -e.data.quantity }),
  },
})

function move(schema: string, tenant: string, stream: string, { onHand = 0, reserved = 0 }: Move): SqlStatement {
  return {
    text: `with product as (
             insert into ${schema}.products as p values ($1, $2, $3::bigint, 0)
             on conflict (tenant, stream) do update set on_hand = p.on_hand + excluded.on_hand returning price)
           insert into ${schema}.totals as t
           select $1, 0, $3::bigint, $4::bigint, $3::bigint * price from product
           on conflict (tenant) do update
             set on_hand = t.on_hand + excluded.on_hand, reserved = t.reserved + excluded.reserved,
                 value = t.value + excluded.value`,
    values: [tenant, stream, onHand, reserved],
  }
}

export const stockTotals: QueryHandler = answerQuery(StockTotals, {
  from: StockCounters,
  read: async (_, { tenant, schema, sql }) => {
    const [found] = await sql<{ products: number; onHand: number; reserved: number; value: number }>(
      `select products, on_hand as "onHand", reserved, value from ${schema}.totals where tenant = $1`,
      [tenant],
    )
    return found ?? { products: 0, onHand: 0, reserved: 0, value: 0 }
  },
})
