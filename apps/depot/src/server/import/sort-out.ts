import { isDirty, type DirtyLine, type InvoiceLine } from './invoice-line.ts'

export interface SortedLines {
  /** In the order things happened; lines of one minute in the file's order. */
  readonly lines: readonly InvoiceLine[]
  /** In the file's order. */
  readonly dirty: readonly DirtyLine[]
}

/** Parts the lines that can be used from those that cannot, and puts the former in order of time. */
export function sortOut(read: readonly (InvoiceLine | DirtyLine)[]): SortedLines {
  const lines: InvoiceLine[] = []
  const dirty: DirtyLine[] = []
  const firstByInvoice = new Map<string, InvoiceLine>()
  for (const line of read) {
    if (isDirty(line)) {
      dirty.push(line)
      continue
    }
    const first = firstByInvoice.get(line.invoice)
    if (first === undefined) firstByInvoice.set(line.invoice, line)
    if (first === undefined || (first.customer === line.customer && first.country === line.country)) lines.push(line)
    else dirty.push({ number: line.number, reason: 'mixed_invoice' })
  }
  lines.sort((a, b) => (a.at === b.at ? a.number - b.number : a.at < b.at ? -1 : 1))
  return { lines, dirty }
}

/**
 * What a line says happened. A line without a price and a customer is a note about the stock: goods that were found
 * or went missing, with the reason where the description should be.
 */
export function meaningOf(line: InvoiceLine): 'sold' | 'taken-back' | 'counted' {
  if (line.cancellation) return 'taken-back'
  if (line.quantity < 0) return 'counted'
  return line.unitPrice === 0 && line.customer === '' ? 'counted' : 'sold'
}
