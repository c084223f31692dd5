import { sqlProjection, type SqlStatement } from '@tidemark/projections'
import { answerQuery, type QueryHandler } from '@tidemark/server'
import { DailyRevenue, Order } from '../../domain/index.ts'

/** What is on each order, and what shipping and returning it brought on which day. */
export const Revenue = sqlProjection('revenue', {
  on: [Order],
  tables: (schema) => [
    `create table ${schema}.lines (tenant text collate "C", stream text collate "C", line text collate "C",
       quantity bigint not null, price bigint not null, primary key (tenant, stream, line))`,
    `create table ${schema}.days (tenant text collate "C", day date, revenue bigint not null, orders bigint not null,
       returned bigint not null, primary key (tenant, day))`,
  ],
  apply: {
    'order.lineAdded': (e, { schema, tenant }) => ({
      text: `insert into ${schema}.lines values ($1, $2, $3, $4::bigint, $5::bigint)
             on conflict (tenant, stream, line) do update set quantity = excluded.quantity, price = excluded.price`,
      values: [tenant, e.streamId, e.data.line, e.data.quantity, e.data.unitPrice],
    }),
    'order.quantityChanged': (e, { schema, tenant }) => ({
      text: `update ${schema}.lines set quantity = $4::bigint where tenant = $1 and stream = $2 and line = $3`,
      values: [tenant, e.streamId, e.data.line, e.data.quantity],
    }),
    'order.lineRemoved': (e, { schema, tenant }) => ({
      text: `delete from ${schema}.lines where tenant = $1 and stream = $2 and line = $3`,
      values: [tenant, e.streamId, e.data.line],
    }),
    'order.shipped': (e, { schema, tenant }) => ({
      text: addToDay(
        schema,
        `select $1, $3::date, coalesce(sum(quantity * price), 0), 1, 0 from ${schema}.lines where tenant = $1 and stream = $2`,
      ),
      values: [tenant, e.streamId, dayOf(e.occurredAt)],
    }),
    'order.returned': (e, { schema, tenant }): SqlStatement => ({
      text: addToDay(
        schema,
        `select $1, $3::date, -$5::bigint * price, 0, $5::bigint from ${schema}.lines
          where tenant = $1 and stream = $2 and line = $4`,
      ),
      values: [tenant, e.streamId, dayOf(e.occurredAt), e.data.line, e.data.quantity],
    }),
  },
})

function addToDay(schema: string, what: string): string {
  return `insert into ${schema}.days as d ${what}
          on conflict (tenant, day) do update
            set revenue = d.revenue + excluded.revenue, orders = d.orders + excluded.orders,
                returned = d.returned + excluded.returned`
}

function dayOf(at: string): string {
  return at.slice(0, 10)
}

export const dailyRevenue: QueryHandler = answerQuery(DailyRevenue, {
  from: Revenue,
  read: async ({ days }, { tenant, schema, sql }) => ({
    days: await sql<{ day: string; revenue: number; orders: number; returned: number }>(
      `select to_char(x.day, 'YYYY-MM-DD') as day, coalesce(d.revenue, 0) as revenue, coalesce(d.orders, 0) as orders,
              coalesce(d.returned, 0) as returned
         from (select max(day) as day from ${schema}.days where tenant = $1) as newest
        cross join lateral generate_series(newest.day - ($2::integer - 1), newest.day, interval '1 day') as x (day)
         left join ${schema}.days d on d.tenant = $1 and d.day = x.day::date
        order by x.day`,
      [tenant, days],
    ).then((found) => found.map((row) => ({ ...row }))),
  }),
})
