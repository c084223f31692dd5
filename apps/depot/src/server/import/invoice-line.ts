/** One line of an invoice file, checked. Money in pence, times as ISO 8601 UTC (the file's UK winter time is UTC). */
export interface InvoiceLine {
  /** Line number in the file; the header is line 1. */
  readonly number: number
  readonly invoice: string
  /** The invoice takes back what an earlier one sold. */
  readonly cancellation: boolean
  /** In upper case: tills wrote `85123A` and `85123a` for one product. */
  readonly product: string
  readonly description: string
  /** Never 0; negative for pieces that came back or went missing. */
  readonly quantity: number
  readonly at: string
  readonly unitPrice: number
  /** `''` where nobody knows. */
  readonly customer: string
  readonly country: string
  /** The fields as the file has them: what makes a repeated line recognisable. */
  readonly raw: readonly string[]
}

/** Why a line is set aside. It is reported by number, and nothing is made of it. */
export type DirtyReason =
  /** Quotes, column count, encoding or control characters are wrong. */
  | 'malformed'
  | 'missing_invoice'
  | 'bad_invoice'
  | 'missing_stock_code'
  | 'bad_stock_code'
  /** Postage, discounts, bank charges and corrections by hand: money, not goods. */
  | 'not_a_product'
  | 'bad_quantity'
  | 'zero_quantity'
  | 'bad_date'
  | 'bad_price'
  /** A text is longer than the domain keeps. */
  | 'too_long'
  /** Another customer than on the invoice's first line. */
  | 'mixed_invoice'

export interface DirtyLine {
  readonly number: number
  readonly reason: DirtyReason
}

/** Stock codes that stand for a charge. The list is the data set's; none of them is kept on a shelf. */
const CHARGES: ReadonlySet<string> = new Set([
  'POST',
  'D',
  'M',
  'B',
  'S',
  'C2',
  'C3',
  'DOT',
  'CRUK',
  'PADS',
  'BANK CHARGES',
  'AMAZONFEE',
  'ADJUST',
  'ADJUST2',
])

const MAX_QUANTITY = 1_000_000
const MAX_PENCE = 1_000_000_000
const CONTROL = /[\p{Cc}\ufffd]/u
const INVOICE = /^C?[A-Za-z0-9-]{1,30}$/
const STOCK_CODE = /^[A-Z0-9][A-Z0-9._-]{0,39}$/
const DATE = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?$/

export const COLUMNS = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const

/** Checks the fields of one line, given in the order of {@link COLUMNS}. */
export function toInvoiceLine(number: number, raw: readonly string[]): InvoiceLine | DirtyLine {
  const dirty = (reason: DirtyReason): DirtyLine => ({ number, reason })
  if (raw.length !== COLUMNS.length || raw.some((field) => CONTROL.test(field))) return dirty('malformed')
  const [invoice, code, description, quantityText, date, price, customer, country] = raw.map((field) =>
    field.trim(),
  ) as [string, string, string, string, string, string, string, string]
  if (invoice === '') return dirty('missing_invoice')
  if (!INVOICE.test(invoice)) return dirty('bad_invoice')
  if (code === '') return dirty('missing_stock_code')
  const product = code.toUpperCase()
  if (CHARGES.has(product)) return dirty('not_a_product')
  if (!STOCK_CODE.test(product)) return dirty('bad_stock_code')
  const quantity = /^-?\d{1,7}$/.test(quantityText) ? Number(quantityText) : Number.NaN
  if (quantity === 0) return dirty('zero_quantity')
  const cancellation = invoice.startsWith('C')
  if (!(Math.abs(quantity) <= MAX_QUANTITY) || (cancellation && quantity > 0)) return dirty('bad_quantity')
  const at = toUtc(date)
  if (at === undefined) return dirty('bad_date')
  const unitPrice = toPence(price)
  if (unitPrice === undefined) return dirty('bad_price')
  if (description.length > 200 || customer.length > 80 || country.length > 60) return dirty('too_long')
  return { number, invoice, cancellation, product, description, quantity, at, unitPrice, customer, country, raw }
}

export function isDirty(line: InvoiceLine | DirtyLine): line is DirtyLine {
  return 'reason' in line
}

/**
 * Pounds to pence, digit by digit: `Number('1.15') * 100` is 114.99999999999999. Zeros past the second decimal are
 * let through, other fractions of a penny are not a price.
 */
export function toPence(text: string): number | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) return undefined
  const decimals = (match[2] ?? '').padEnd(2, '0')
  if (/[1-9]/.test(decimals.slice(2))) return undefined
  const pence = Number(match[1]) * 100 + Number(decimals.slice(0, 2))
  return pence <= MAX_PENCE ? pence : undefined
}

function toUtc(text: string): string | undefined {
  const match = DATE.exec(text)
  if (match === null || Number(match[1]) < 1970) return undefined
  const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6] ?? '00'}.000Z`
  // A date such as 30 February parses, as another day.
  const time = Date.parse(iso)
  return !Number.isNaN(time) && new Date(time).toISOString() === iso ? iso : undefined
}
