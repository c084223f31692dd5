import { useState, type ReactNode } from 'react'
import { Trash2, Undo2 } from 'lucide-react'
import type { OrderState } from '@tidemark/depot/domain'
import { formatCount, formatMoney } from '../format.ts'
import { IconButton } from '../ui/button.tsx'
import { inputClass } from '../ui/field.tsx'
import { texts } from '../texts.ts'

interface LineRowProps {
  readonly id: string
  readonly line: OrderState['lines'][string]
  /** Answers whether it was taken; absent where the quantity cannot be changed. */
  readonly onQuantity: ((quantity: number) => Promise<boolean>) | undefined
  readonly onRemove: (() => void) | undefined
  readonly onReturn: (() => void) | undefined
}

export function LineRow({ id, line, onQuantity, onRemove, onReturn }: LineRowProps): ReactNode {
  const name = line.description || line.product
  return (
    <tr data-testid="order-line" data-line={id} className="border-t border-line">
      <td className="py-2 pr-1 pl-4 sm:pr-2 sm:pl-5">
        <span className="line-clamp-2 font-medium sm:block sm:truncate" title={name}>
          {name}
        </span>
        <span className="block truncate text-xs text-soft">
          {line.product}
          <span className="sm:hidden">{` · ${formatMoney(line.unitPrice)}`}</span>
          {line.returned > 0 && <span className="text-warn">{` · ${texts.order.returned(line.returned)}`}</span>}
        </span>
      </td>
      <td className="px-1 py-2 text-right tabular-nums sm:px-2">
        {onQuantity === undefined ? formatCount(line.quantity) : <Quantity name={name} value={line.quantity} onQuantity={onQuantity} />}
      </td>
      <td className="px-2 py-2 text-right text-soft tabular-nums max-sm:hidden">{formatMoney(line.unitPrice)}</td>
      <td className="px-2 py-2 text-right font-medium tabular-nums">{formatMoney((line.quantity - line.returned) * line.unitPrice)}</td>
      <td className="px-1 py-2 text-right sm:px-2">
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
    </tr>
  )
}

interface QuantityProps {
  readonly name: string
  readonly value: number
  readonly onQuantity: (quantity: number) => Promise<boolean>
}

/** Taken on Enter and when the field is left; what cannot be read goes back to what is there. */
function Quantity({ name, value, onQuantity }: QuantityProps): ReactNode {
  // While nobody is typing it follows the order, so that others' changes show.
  const [typed, setTyped] = useState<string>()
  const take = async (): Promise<void> => {
    const text = typed?.trim() ?? ''
    setTyped(undefined)
    const quantity = /^\d{1,7}$/.test(text) ? Number(text) : 0
    if (quantity > 0 && quantity !== value) await onQuantity(quantity)
  }
  return (
    <input
      aria-label={texts.order.quantityOf(name)}
      inputMode="numeric"
      value={typed ?? String(value)}
      onChange={(event) => setTyped(event.target.value)}
      onFocus={(event) => event.target.select()}
      onBlur={() => void take()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') setTyped(undefined)
      }}
      className={`${inputClass} w-16 px-2 text-right sm:w-18 tabular-nums`}
    />
  )
}
