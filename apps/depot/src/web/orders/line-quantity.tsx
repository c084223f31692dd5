import { useState, type ReactNode } from 'react'
import { inputClass } from '../ui/field.tsx'
import { texts } from '../texts.ts'

interface LineQuantityProps {
  readonly name: string
  readonly value: number
  readonly onQuantity: (quantity: number) => Promise<void>
}

/** Taken on Enter and when the field is left; what cannot be read goes back to what is there. */
export function LineQuantity({ name, value, onQuantity }: LineQuantityProps): ReactNode {
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
      className={`${inputClass} max-w-18 text-right tabular-nums`}
    />
  )
}
