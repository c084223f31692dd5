import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { penceToField } from '../format.ts'
import { TextField } from '../ui/field.tsx'
import { texts } from '../texts.ts'
import type { LineDraft, LineErrors } from './line-draft.ts'
import { ProductPicker } from './product-picker.tsx'

interface LineFieldsProps {
  readonly line: LineDraft
  readonly errors: LineErrors
  readonly onLine: (line: LineDraft) => void
  readonly autoFocus?: boolean
  /** Stacked, for a dialog. */
  readonly stacked?: boolean
}

/** Product, quantity and price of one line. Picking a product fills its price in; it may be changed. */
export function LineFields({ line, errors, onLine, autoFocus = false, stacked = false }: LineFieldsProps): ReactNode {
  return (
    <div className={clsx('grid grid-cols-2 gap-3', !stacked && 'sm:grid-cols-[minmax(0,1fr)_6rem_7rem]')}>
      <div className={stacked ? 'col-span-2' : 'max-sm:col-span-2'}>
        <ProductPicker
          text={line.description === '' ? line.product : `${line.description} (${line.product})`}
          error={errors.product}
          autoFocus={autoFocus}
          inline={stacked}
          onText={(text) => onLine({ ...line, product: text, description: '' })}
          onPick={(product) =>
            onLine({
              ...line,
              product: product.code,
              description: product.description,
              unitPrice: penceToField(product.unitPrice),
            })
          }
        />
      </div>
      <TextField
        label={texts.fields.quantity}
        inputMode="numeric"
        value={line.quantity}
        error={errors.quantity}
        onText={(quantity) => onLine({ ...line, quantity })}
      />
      <TextField
        label={texts.fields.unitPrice}
        inputMode="decimal"
        value={line.unitPrice}
        error={errors.unitPrice}
        onText={(unitPrice) => onLine({ ...line, unitPrice })}
      />
    </div>
  )
}
