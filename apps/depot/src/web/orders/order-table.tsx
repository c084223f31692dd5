import { memo, type ReactNode } from 'react'
import { clsx } from 'clsx'
import { Link } from 'wouter'
import type { RowsSnapshot, SyncedRow } from '@tidemark/client'
import type { OrderRow as Row } from '@tidemark/depot/domain'
import { formatCount, formatDay, formatMoney } from '../format.ts'
import { StatusBadge } from '../ui/badge.tsx'
import { Marks } from '../ui/marks.tsx'
import { ShortMark } from './short-mark.tsx'
import { useIsNarrow, useMedia } from '../ui/use-media.ts'
import { VirtualTable, type Column } from '../ui/virtual-table.tsx'
import { subjectOf } from '../commands/describe.ts'
import { texts } from '../texts.ts'

const { columns: label } = texts.orders

const WIDE: readonly Column[] = [
  { key: 'number', label: label.number, className: 'text-left', width: 'w-40' },
  { key: 'customer', label: label.customer, className: 'text-left' },
  { key: 'country', label: label.country, className: 'text-left', width: 'w-40' },
  { key: 'placed', label: label.placed, className: 'text-left', width: 'w-34' },
  { key: 'lines', label: label.lines, className: 'text-right', width: 'w-20' },
  { key: 'total', label: label.total, className: 'text-right', width: 'w-32' },
  { key: 'status', label: label.status, className: 'text-left', width: 'w-34' },
]
/** Room for a sidebar, not for every column. */
const MEDIUM = WIDE.filter(({ key }) => key !== 'country')
const NARROW: readonly Column[] = [
  { key: 'order', label: label.number, className: 'text-left' },
  { key: 'total', label: label.total, className: 'text-right', width: 'w-30' },
]
const WIDE_HEIGHT = 46
const NARROW_HEIGHT = 66

interface OrderTableProps {
  readonly snapshot: RowsSnapshot<Row>
  readonly onNearEnd: () => void
}

export function OrderTable({ snapshot, onNearEnd }: OrderTableProps): ReactNode {
  const narrow = useIsNarrow()
  const wide = useMedia('(min-width: 1100px)')
  const Item = narrow ? NarrowRow : WideRow
  return (
    <VirtualTable
      label={texts.nav.orders}
      columns={narrow ? NARROW : wide ? WIDE : MEDIUM}
      rows={snapshot.rows}
      keyOf={(row) => row.key}
      rowHeight={narrow ? NARROW_HEIGHT : WIDE_HEIGHT}
      more={snapshot.more}
      total={snapshot.total}
      onNearEnd={onNearEnd}
      renderRow={(row, rowIndex) => <Item key={row.key} synced={row} rowIndex={rowIndex} />}
    />
  )
}

interface RowProps {
  readonly synced: SyncedRow<Row>
  readonly rowIndex: number
}

const cell = 'truncate border-b border-line px-3 first:pl-6 last:pr-6'

const WideRow = memo(function WideRow({ synced, rowIndex }: RowProps): ReactNode {
  const { row } = synced
  return (
    <TableRow synced={synced} rowIndex={rowIndex} height={WIDE_HEIGHT}>
      <td className={cell}>
        <span className="flex items-center gap-1.5">
          <OrderLink synced={synced} />
          <Marks pending={synced.pending} attention={synced.attention} stale={synced.stale} />
        </span>
      </td>
      <td className={cell}>
        {row.customer}
        {row.note !== '' && <span className="ml-2 text-soft">{row.note}</span>}
      </td>
      <td className={clsx(cell, 'text-soft max-[1099.98px]:hidden')}>{row.country}</td>
      <td className={clsx(cell, 'text-soft tabular-nums')}>{formatDay(row.placedAt)}</td>
      <td className={clsx(cell, 'text-right text-soft tabular-nums')}>{formatCount(row.lines)}</td>
      <td className={clsx(cell, 'text-right font-medium tabular-nums')}>{formatMoney(row.total)}</td>
      <td className={cell}>
        <span className="inline-flex items-center gap-1.5">
          <StatusBadge status={row.status} />
          <ShortMark lines={row.short.length} />
        </span>
      </td>
    </TableRow>
  )
})

const NarrowRow = memo(function NarrowRow({ synced, rowIndex }: RowProps): ReactNode {
  const { row } = synced
  return (
    <TableRow synced={synced} rowIndex={rowIndex} height={NARROW_HEIGHT}>
      <td className="border-b border-line pr-2 pl-4">
        <span className="flex items-center gap-1.5">
          <OrderLink synced={synced} />
          <Marks pending={synced.pending} attention={synced.attention} stale={synced.stale} />
        </span>
        <span className="mt-0.5 block truncate text-soft">
          {[row.customer, row.country].filter(Boolean).join(' · ')}
        </span>
      </td>
      <td className="border-b border-line pr-4 text-right">
        <span className="block font-medium tabular-nums">{formatMoney(row.total)}</span>
        <span className="mt-0.5 inline-flex items-center gap-1.5 text-soft">
          <ShortMark lines={row.short.length} />
          <StatusBadge status={row.status} />
        </span>
      </td>
    </TableRow>
  )
})

function TableRow({
  synced,
  rowIndex,
  height,
  children,
}: RowProps & { readonly height: number; readonly children: ReactNode }): ReactNode {
  return (
    <tr
      data-testid="order-row"
      data-key={synced.key}
      data-pending={synced.pending}
      data-attention={synced.attention}
      aria-rowindex={rowIndex}
      style={{ height }}
      className={clsx('relative hover:bg-accent-wash/50', synced.row.status === 'cancelled' && 'text-soft')}
    >
      {children}
    </tr>
  )
}

/** The whole row is its target. */
function OrderLink({ synced }: { readonly synced: SyncedRow<Row> }): ReactNode {
  return (
    <Link
      href={`/orders/${subjectOf(synced.key).key}`}
      className={clsx(
        'font-medium -outline-offset-2 after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent',
        synced.row.status === 'cancelled' && 'line-through',
      )}
    >
      {synced.row.number}
    </Link>
  )
}
