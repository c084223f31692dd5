import { z } from 'zod'
import { emptyLine, type LineDraft } from './line-draft.ts'

/** A new order as it is being typed. It outlives reloads and visits to other screens, and ends with the tab. */
export interface OrderDraft {
  readonly firstName: string
  readonly lastName: string
  readonly country: string
  readonly note: string
  readonly lines: readonly LineDraft[]
}

const KEY = 'depot:new-order'
const text = z.string()
const Stored = z.object({
  firstName: text,
  lastName: text,
  country: text,
  note: text,
  lines: z.array(z.object({ id: text, product: text, description: text, quantity: text, unitPrice: text })),
})

export function emptyDraft(): OrderDraft {
  return { firstName: '', lastName: '', country: 'United Kingdom', note: '', lines: [emptyLine()] }
}

/** The draft that was left, or an empty one. */
export function loadDraft(storage: Pick<Storage, 'getItem'>): OrderDraft {
  try {
    const parsed = Stored.safeParse(JSON.parse(storage.getItem(KEY) ?? 'null'))
    return parsed.success ? parsed.data : emptyDraft()
  } catch {
    return emptyDraft()
  }
}

export function saveDraft(storage: Pick<Storage, 'setItem'>, draft: OrderDraft): void {
  storage.setItem(KEY, JSON.stringify(draft))
}

export function dropDraft(storage: Pick<Storage, 'removeItem'>): void {
  storage.removeItem(KEY)
}
