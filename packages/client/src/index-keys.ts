import type { AnyProjection } from '@tidemark/core'

/**
 * One value of a stored, multi-entry index over all projections: `[projection, index, …fields, key]`. The order of
 * fields is in the encoding, descending ones included, so a new index of the domain needs no schema upgrade and one
 * ascending scan serves every order. In memory the same keys are compared the same way.
 */
export type IndexKey = readonly KeyPart[]
type KeyPart = number | string | readonly KeyPart[]

/** Sorts after every string and number, so after every ascending value. */
const AFTER_VALUES: KeyPart = []
/** Sorts after everything an encoded field can be: closes a range over all that starts with a prefix. */
const AFTER_ALL: KeyPart = [[]]

/** Every index entry of a row. */
export function indexKeysOf(projection: AnyProjection, key: string, row: unknown): IndexKey[] {
  return Object.keys(projection.indexes).map((index) => sortKeyOf(projection, index, key, row))
}

/** Where a row stands in an index; without an index, rows stand in the order of their keys. */
export function sortKeyOf(projection: AnyProjection, index: string | undefined, key: string, row: unknown): IndexKey {
  if (index === undefined) return [projection.name, key]
  const values = row as Readonly<Record<string, unknown>>
  const fields = fieldsOf(projection, index)
  return [projection.name, index, ...fields.map((field) => encodeField(field, (name) => values[name])), key]
}

export interface IndexRange {
  readonly lower: IndexKey
  readonly upper: IndexKey
}

/** The stretch of an index in which all fields that lead it and are named in `where` have the given values. */
export function indexRange(
  projection: AnyProjection,
  index: string | undefined,
  where: Readonly<Record<string, unknown>>,
): IndexRange {
  if (index === undefined) return { lower: [projection.name], upper: [projection.name, AFTER_ALL] }
  const prefix: KeyPart[] = [projection.name, index]
  for (const field of fieldsOf(projection, index)) {
    const name = field.startsWith('-') ? field.slice(1) : field
    if (!Object.hasOwn(where, name)) break
    prefix.push(encodeField(field, () => where[name]))
  }
  return { lower: prefix, upper: [...prefix, AFTER_ALL] }
}

/** The order IndexedDB keeps keys in, for the kinds of values used here: numbers, strings, arrays. */
export function compareKeys(a: KeyPart, b: KeyPart): number {
  if (Array.isArray(a)) {
    if (!Array.isArray(b)) return 1
    const length = Math.min(a.length, b.length)
    for (let i = 0; i < length; i++) {
      const order = compareKeys(a[i] as KeyPart, b[i] as KeyPart)
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  if (Array.isArray(b)) return -1
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a === b ? 0 : a < b ? -1 : 1
}

function fieldsOf(projection: AnyProjection, index: string): readonly string[] {
  const fields = projection.indexes[index]
  if (fields === undefined) {
    const known = Object.keys(projection.indexes).join(', ') || 'none'
    throw new TypeError(`Projection "${projection.name}" has no index "${index}". Declared: ${known}.`)
  }
  return fields
}

function encodeField(field: string, valueOf: (name: string) => unknown): KeyPart {
  const descending = field.startsWith('-')
  const value = valueOf(descending ? field.slice(1) : field)
  const plain = typeof value === 'boolean' ? Number(value) : value
  if (typeof plain === 'number') return descending ? -plain : plain
  if (typeof plain === 'string') return descending ? inverted(plain) : plain
  // Absent, null, or nothing that has an order: first when ascending, last when descending.
  return descending ? AFTER_VALUES : -Infinity
}

/**
 * A text that sorts in the opposite order. Stored text has no NUL, so every inverted unit is below the terminator,
 * which makes a text sort before those that it is a prefix of.
 */
function inverted(text: string): string {
  let result = ''
  for (let i = 0; i < text.length; i++) result += String.fromCharCode(0xffff - text.charCodeAt(i))
  return `${result}\uffff`
}
