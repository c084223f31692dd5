import type { ReactNode } from 'react'
import { PackageX, Trash2, Undo2 } from 'lucide-react'
import type { OrderState } from '@tidemark/depot/domain'
import { formatCount, formatMoney } from '../format.ts'
import { IconButton } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { LineQuantity } from './line-quantity.tsx'

interface OrderLineProps {
  readonly id: string
  readonly line: OrderState['lines'][string]
  readonly narrow: boolean
  /** What was free when there was not enough for the line; absent where all is well. */
  readonly short: OrderState['short'][string] | undefined
  readonly onAskForStock: (() => void) | undefined
  /** Absent where the quantity cannot be changed. */
  readonly onQuantity: ((quantity: number) => Promise<void>) | undefined
  readonly onRemove: (() => void) | undefined
  readonly onReturn: (() => void) | undefined
}

/** One line: a row, or on a phone two, with the product above its figures. */
export function OrderLineGroup(props: OrderLineProps): ReactNode {
  const { id, line, narrow, short, onAskForStock, onQuantity, onRemove, onReturn } = props
  const name = line.description || line.product
  const product = (
    <>
      <span className="block truncate font-medium" title={name}>
        {name}
      </span>
      <span className="block truncate text-xs text-soft">
        {line.product}
        {line.returned > 0 && <span className="text-warn">{` · ${texts.order.returned(line.returned)}`}</span>}
      </span>
      {short !== undefined && (
        <span className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-warn" data-testid="line-short">
          <span className="inline-flex items-center gap-1">
            <PackageX size={14} aria-hidden />
            {texts.order.shortFree(short.free)}
          </span>
          {onAskForStock !== undefined && (
            <button
              type="button"
              aria-label={texts.order.askAgainFor(name)}
              onClick={onAskForStock}
              className="min-h-6 font-medium underline underline-offset-2 hover:text-ink"
            >
              {texts.order.askAgain}
            </button>
          )}
        </span>
      )}
    </>
  )
  const cell = 'px-2 py-2 text-right tabular-nums'
  const figures = (
    <>
      <td className={narrow ? 'py-2 pl-4 tabular-nums' : cell}>
        {onQuantity === undefined ? (
          formatCount(line.quantity)
        ) : (
          <LineQuantity name={name} value={line.quantity} onQuantity={onQuantity} />
        )}
      </td>
      <td className={`${cell} text-soft`}>{formatMoney(line.unitPrice)}</td>
      <td className={`${cell} font-medium`}>{formatMoney((line.quantity - line.returned) * line.unitPrice)}</td>
      <td className="py-2 pr-2 text-right">
        {onRemove !== undefined && (
          <IconButton label={texts.order.remove(name)} onClick={onRemove}>
            <Trash2 size={16} aria-hidden />
          </IconButton>
        )}
        {onReturn !== undefined && (
          <IconButton label={texts.order.returnOf(name)} onClick={onReturn}>
            <Undo2 size={16} aria-hidden />
          </IconButton>
        )}
      </td>
    </>
  )
  return (
    <tbody data-testid="order-line" data-line={id}>
      {narrow ? (
        <>
          <tr className="border-t border-line">
            <th scope="rowgroup" colSpan={4} className="px-4 pt-2.5 text-left font-normal">
              {product}
            </th>
          </tr>
          <tr>{figures}</tr>
        </>
      ) : (
        <tr className="border-t border-line">
          <td className="py-2 pr-2 pl-5">{product}</td>
          {figures}
        </tr>
      )}
    </tbody>
  )
}
