import { defineDomain, type Domain } from '@tidemark/core'
import { Order } from './order.ts'
import { OrderList } from './order-list.ts'
import { Product } from './product.ts'
import { StockList } from './stock-list.ts'

export { Customer, customerName, Order, OrderLine, orderTotal, type OrderState } from './order.ts'
export { OrderList, OrderRow } from './order-list.ts'
export { Product, type ProductState } from './product.ts'
export { DailyRevenue, Search, SearchHit, StockTotals } from './queries.ts'
export { IMPORTER_ID, ReserveStock } from './reserve-stock.ts'
export { StockList, StockRow } from './stock-list.ts'

/** Orders and inventory of a small warehouse: everything it does, in one place, for browser and server. */
export const depot: Domain = defineDomain({
  name: 'depot',
  aggregates: [Order, Product],
  projections: [OrderList, StockList],
})
