import type { SyncedRow } from '@tidemark/client'
import type { OrderRow } from '@tidemark/depot/domain'
import { memo, type ReactNode } from 'react'

export type Row = SyncedRow<OrderRow>

/** All rows at once, as neither list gets help from windowing. */
export function OrderTable(props: { readonly id: string; readonly rows: readonly Row[] }): ReactNode {
  return (
    <table id={props.id}>
      <tbody>
        {props.rows.map((row) => (
          <OrderTableRow key={row.key} row={row} />
        ))}
      </tbody>
    </table>
  )
}

const OrderTableRow = memo(function OrderTableRow({ row: { key, row } }: { readonly row: Row }): ReactNode {
  return (
    <tr data-key={key}>
      <td>{row.number}</td>
      <td>{row.customer}</td>
      <td>{row.country}</td>
      <td>{row.status}</td>
      <td>{row.lines}</td>
      <td>{(row.total / 100).toFixed(2)}</td>
      <td className="note">{row.note}</td>
    </tr>
  )
})
