import { useEffect, useRef, type ReactNode } from 'react'
import { useVirtualizer } from '@tanstack/react-virtual'

export interface Column {
  readonly key: string
  readonly label: string
  /** Alignment of the head; cells bring their own. */
  readonly className: string
  /** Width class; the one column without takes what is left. */
  readonly width?: string
  /** Only for screen readers. */
  readonly hiddenLabel?: boolean
}

interface VirtualTableProps<Row> {
  readonly label: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Pixels; every row has the same. */
  readonly rowHeight: number
  /** There are rows that have not been asked for; -1 is then told as their number. */
  readonly more: boolean
  readonly total: number | undefined
  readonly onNearEnd: () => void
  /** A `<tr>`; it carries `aria-rowindex` and the height itself. */
  readonly renderRow: (row: Row, rowIndex: number) => ReactNode
}

const OVERSCAN = 12
const NEAR_END = 40

/** A real table of which only the rows in view are in the document. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>): ReactNode {
  const { columns, rows, keyOf, rowHeight, more, onNearEnd } = props
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    getItemKey: (index) => {
      const row = rows[index]
      return row === undefined ? index : keyOf(row)
    },
  })
  useEffect(() => virtual.measure(), [virtual, rowHeight])
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && last >= rows.length - NEAR_END) onNearEnd()
  }, [more, last, rows.length, onNearEnd])
  const before = items[0]?.start ?? 0
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    // Focusable, so that the list scrolls by keyboard too.
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={props.label}
      className="min-h-0 flex-1 overflow-auto overscroll-contain bg-surface -outline-offset-2"
    >
      <table
        aria-label={props.label}
        aria-rowcount={more ? (props.total ?? -2) + 1 : rows.length + 1}
        className="w-full table-fixed border-separate border-spacing-0 text-sm"
      >
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} className={column.width} />
          ))}
        </colgroup>
        <thead className="max-md:sr-only">
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={`sticky top-0 z-10 border-b border-line bg-surface px-3 py-2 text-xs font-medium text-soft first:pl-6 last:pr-6 ${column.className}`}
              >
                {column.hiddenLabel === true ? <span className="sr-only">{column.label}</span> : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={before} columns={columns.length} />
          {items.map((item) => {
            const row = rows[item.index]
            return row === undefined ? null : props.renderRow(row, item.index + 2)
          })}
          <Spacer height={after} columns={columns.length} />
        </tbody>
      </table>
    </div>
  )
}

function Spacer({ height, columns }: { readonly height: number; readonly columns: number }): ReactNode {
  if (height <= 0) return null
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  )
}
