import type { SyncedRow } from '@tidemark/client'
import type { OrderRow } from '@tidemark/depot/domain'
import { memo, type ReactNode } from 'react'

export type Row = SyncedRow<OrderRow>

/** As many rows as a screen shows. */
export const IN_VIEW = 30

/** The top of a long list, windowed as any app windows it: who owns the list holds all rows, the page those in view. */
export function OrderRows(props: { readonly id: string; readonly rows: readonly Row[] }): ReactNode {
  return (
    <ul id={props.id}>
      {props.rows.slice(0, IN_VIEW).map((row) => (
        <OrderItem key={row.key} row={row} />
      ))}
    </ul>
  )
}

const OrderItem = memo(function OrderItem({ row: { key, row } }: { readonly row: Row }): ReactNode {
  return (
    <li data-key={key}>
      <span>{row.number}</span>
      <span>{row.customer}</span>
      <span>{row.country}</span>
      <span>{row.status}</span>
      <span>{row.lines}</span>
      <span>{(row.total / 100).toFixed(2)}</span>
      <span className="note">{row.note}</span>
    </li>
  )
})
