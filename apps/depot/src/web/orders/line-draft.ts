import { validate } from '@tidemark/core'
import { OrderLine } from '@tidemark/depot/domain'
import { fieldToPence } from '../format.ts'
import { texts } from '../texts.ts'

/** A line as it is being typed. */
export interface LineDraft {
  readonly id: string
  readonly product: string
  readonly description: string
  readonly quantity: string
  readonly unitPrice: string
}

export type LineErrors = Readonly<Partial<Record<'product' | 'quantity' | 'unitPrice', string>>>

export function emptyLine(): LineDraft {
  return { id: crypto.randomUUID(), product: '', description: '', quantity: '1', unitPrice: '' }
}

/** A line nobody has begun to fill is not part of the order. */
export function isBlank(line: LineDraft): boolean {
  return (
    line.product.trim() === '' && line.unitPrice.trim() === '' && (line.quantity.trim() === '' || line.quantity === '1')
  )
}

export function readLine(
  draft: LineDraft,
): { readonly ok: true; readonly line: OrderLine } | { readonly ok: false; readonly errors: LineErrors } {
  const quantity = draft.quantity.trim()
  const checked = validate(OrderLine, {
    product: draft.product.trim(),
    description: draft.description.trim(),
    quantity: /^\d{1,9}$/.test(quantity) ? Number(quantity) : null,
    unitPrice: fieldToPence(draft.unitPrice) ?? null,
  })
  if (checked.ok) return { ok: true, line: checked.value }
  const wrong = new Set(checked.issues.map((issue) => issue.path))
  return {
    ok: false,
    errors: {
      ...(wrong.has('product') || wrong.has('description') ? { product: texts.fieldProblems.product } : {}),
      ...(wrong.has('quantity') ? { quantity: texts.fieldProblems.count } : {}),
      ...(wrong.has('unitPrice') ? { unitPrice: texts.fieldProblems.money } : {}),
    },
  }
}
