import { memo, useState, type ReactNode } from 'react'
import { clsx } from 'clsx'
import { Link } from 'wouter'
import type { RowsSnapshot, SyncedRow } from '@tidemark/client'
import type { StockRow } from '@tidemark/depot/domain'
import { formatCount, formatMoney } from '../format.ts'
import { Badge } from '../ui/badge.tsx'
import { Marks } from '../ui/marks.tsx'
import { useIsNarrow, useMedia } from '../ui/use-media.ts'
import { VirtualTable, type Column } from '../ui/virtual-table.tsx'
import { texts } from '../texts.ts'
import { StockButtons, StockDialog, type StockAction } from './stock-actions.tsx'
import { isLow } from './stock-query.ts'

const { columns: label } = texts.stock

const WIDE: readonly Column[] = [
  { key: 'product', label: label.product, className: 'text-left' },
  { key: 'price', label: label.price, className: 'text-right', width: 'w-24' },
  { key: 'onHand', label: label.onHand, className: 'text-right', width: 'w-24' },
  { key: 'reserved', label: label.reserved, className: 'text-right', width: 'w-24' },
  { key: 'free', label: label.free, className: 'text-right', width: 'w-26' },
  { key: 'actions', label: label.actions, className: 'text-right', width: 'w-72', hiddenLabel: true },
]
/** Room for a sidebar, not for every column. */
const MEDIUM = WIDE.filter(({ key }) => key !== 'price')
const NARROW: readonly Column[] = [
  { key: 'product', label: label.product, className: 'text-left' },
  { key: 'free', label: label.free, className: 'text-right', width: 'w-24' },
]
const HEIGHT = { wide: 54, narrow: 66 } as const

interface StockTableProps {
  readonly snapshot: RowsSnapshot<StockRow>
  readonly onNearEnd: () => void
}

export function StockTable({ snapshot, onNearEnd }: StockTableProps): ReactNode {
  const narrow = useIsNarrow()
  const wide = useMedia('(min-width: 1100px)')
  const [asked, setAsked] = useState<{ readonly row: StockRow; readonly action: StockAction }>()
  return (
    <>
      <VirtualTable
        label={texts.nav.stock}
        columns={narrow ? NARROW : wide ? WIDE : MEDIUM}
        rows={snapshot.rows}
        keyOf={(row) => row.key}
        rowHeight={narrow ? HEIGHT.narrow : HEIGHT.wide}
        more={snapshot.more}
        total={snapshot.total}
        onNearEnd={onNearEnd}
        renderRow={(row, rowIndex) => (
          <Item key={row.key} synced={row} rowIndex={rowIndex} narrow={narrow} onAction={setAsked} />
        )}
      />
      {asked !== undefined && (
        <StockDialog
          code={asked.row.code}
          description={asked.row.description}
          action={asked.action}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

interface ItemProps {
  readonly synced: SyncedRow<StockRow>
  readonly rowIndex: number
  readonly narrow: boolean
  readonly onAction: (asked: { readonly row: StockRow; readonly action: StockAction }) => void
}

const number = 'px-3 text-right tabular-nums border-b border-line'

const Item = memo(function Item({ synced, rowIndex, narrow, onAction }: ItemProps): ReactNode {
  const { row } = synced
  return (
    <tr
      data-testid="stock-row"
      data-key={synced.key}
      data-pending={synced.pending}
      data-attention={synced.attention}
      aria-rowindex={rowIndex}
      style={{ height: narrow ? HEIGHT.narrow : HEIGHT.wide }}
      className="group relative hover:bg-accent-wash/50"
    >
      <td className={clsx('border-b border-line', narrow ? 'pr-2 pl-4' : 'pr-3 pl-6')}>
        <span className="flex items-center gap-1.5">
          <Link
            href={`/stock/${encodeURIComponent(row.code)}`}
            className="truncate font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {row.description || row.code}
          </Link>
          <Marks pending={synced.pending} attention={synced.attention} stale={synced.stale} />
        </span>
        <span className="block truncate text-xs text-soft">
          {row.code}
          {narrow && ` · ${formatMoney(row.unitPrice)}`}
        </span>
      </td>
      {!narrow && (
        <>
          <td className={clsx(number, 'text-soft max-[1099.98px]:hidden')}>{formatMoney(row.unitPrice)}</td>
          <td className={clsx(number, 'text-soft')}>{formatCount(row.onHand)}</td>
          <td className={clsx(number, 'text-soft')}>{formatCount(row.reserved)}</td>
        </>
      )}
      <td className={clsx(number, 'font-medium', narrow && 'pr-4')}>
        {isLow(row) ? <Badge tone="warn">{texts.stock.left(row.free)}</Badge> : formatCount(row.free)}
        {narrow && <span className="block text-xs font-normal text-soft">{texts.stock.ofOnHand(row.onHand)}</span>}
      </td>
      {!narrow && (
        <td className="border-b border-line pr-5">
          <span className="relative z-[1] flex justify-end gap-1">
            <StockButtons short name={row.description || row.code} onAction={(action) => onAction({ row, action })} />
          </span>
        </td>
      )}
    </tr>
  )
})
