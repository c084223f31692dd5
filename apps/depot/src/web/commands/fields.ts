import { Order, Product } from '@tidemark/depot/domain'
import type { ValidationIssue } from '@tidemark/core'
import { fieldToPence, penceToField } from '../format.ts'
import { texts } from '../texts.ts'

/** One field of a command's form. */
export interface Field {
  /** Where it stands in the input: dotted, `customer.lastName`. */
  readonly path: string
  readonly label: string
  readonly kind: 'text' | 'long' | 'count' | 'change' | 'money'
  readonly optional?: boolean
  readonly suggestions?: readonly string[]
}

export type FieldValues = Readonly<Record<string, string>>

const { fields: label } = texts

const firstName: Field = { path: 'customer.firstName', label: label.firstName, kind: 'text', optional: true }
const lastName: Field = { path: 'customer.lastName', label: label.lastName, kind: 'text' }
const country: Field = { path: 'country', label: label.country, kind: 'text', optional: true }
const note: Field = { path: 'note', label: label.note, kind: 'long', optional: true }
const quantity: Field = { path: 'quantity', label: label.quantity, kind: 'count' }
const description: Field = { path: 'description', label: label.description, kind: 'text' }
const unitPrice: Field = { path: 'unitPrice', label: label.unitPrice, kind: 'money' }
const reason: Field = { path: 'reason', label: label.reason, kind: 'text', optional: true }
const order: Field = { path: 'order', label: label.order, kind: 'text', optional: true }

/** The form of each command, by type; empty where there is nothing to enter. */
export const commandFields: Readonly<Record<string, readonly Field[]>> = {
  [Order.commands.place.type]: [
    { path: 'number', label: label.number, kind: 'text' },
    firstName,
    lastName,
    country,
    note,
  ],
  [Order.commands.addLine.type]: [
    { path: 'product', label: label.product, kind: 'text' },
    { ...description, optional: true },
    quantity,
    unitPrice,
  ],
  [Order.commands.changeQuantity.type]: [quantity],
  [Order.commands.removeLine.type]: [],
  [Order.commands.setNote.type]: [note],
  [Order.commands.changeCustomer.type]: [firstName, lastName],
  [Order.commands.ship.type]: [
    { path: 'carrier', label: label.carrier, kind: 'text', suggestions: ['Royal Mail', 'DPD', 'Evri', 'Parcelforce'] },
  ],
  [Order.commands.cancel.type]: [reason],
  [Order.commands.return.type]: [quantity, reason],
  [Order.commands.askForStock.type]: [],
  [Product.commands.register.type]: [description, unitPrice],
  [Product.commands.receive.type]: [
    quantity,
    { path: 'reference', label: label.reference, kind: 'text', optional: true },
  ],
  [Product.commands.adjust.type]: [
    { path: 'by', label: label.by, kind: 'change' },
    { ...reason, optional: false, suggestions: texts.adjustReasons },
  ],
  [Product.commands.reserve.type]: [quantity, order],
  [Product.commands.release.type]: [quantity, order],
  // Sent by the server alone.
  [Order.commands.markShort.type]: [],
  [Product.commands.reserveForLine.type]: [],
  [Product.commands.releaseForLine.type]: [],
  [Product.commands.issueForLine.type]: [],
}

/** An input as its form shows it. */
export function toValues(fields: readonly Field[], input: unknown): FieldValues {
  return Object.fromEntries(fields.map((field) => [field.path, toText(field, valueAt(input, field.path))]))
}

/**
 * The input that a filled form means, over what the form does not show (`initial`). What cannot be read as a number
 * becomes `null`, which no schema takes: the issue then stands at its field.
 */
export function toInput(fields: readonly Field[], values: FieldValues, initial: unknown): unknown {
  let input: unknown = initial ?? {}
  for (const field of fields) input = withValue(input, field.path.split('.'), fromText(field, values[field.path] ?? ''))
  return input
}

/** What is wrong, by field: the nearest field of each issue, in the app's words. */
export function issuesByField(fields: readonly Field[], issues: readonly ValidationIssue[]): FieldValues {
  const found: Record<string, string> = {}
  for (const issue of issues) {
    const field = fields.find(({ path }) => issue.path === path || path.startsWith(`${issue.path}.`))
    if (field !== undefined) found[field.path] ??= texts.fieldProblems[field.kind]
  }
  return found
}

function toText(field: Field, value: unknown): string {
  if (field.kind === 'money') return typeof value === 'number' ? penceToField(value) : ''
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function fromText(field: Field, text: string): string | number | null {
  switch (field.kind) {
    case 'text':
      return text.trim()
    case 'long':
      return text.trimEnd()
    case 'count':
    case 'change': {
      const plain = text.trim().replace('\u2212', '-').replace(/^\+/, '')
      return /^-?\d{1,9}$/.test(plain) ? Number(plain) : null
    }
    case 'money':
      return fieldToPence(text) ?? null
  }
}

function valueAt(input: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, part) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined),
      input,
    )
}

function withValue(input: unknown, [first = '', ...rest]: readonly string[], value: unknown): unknown {
  const at = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {}
  return { ...at, [first]: rest.length === 0 ? value : withValue(at[first], rest, value) }
}
