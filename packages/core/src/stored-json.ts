/**
 * The one codec for everything that is stored or sent: plain JSON that survives the way through IndexedDB, HTTP and a
 * Postgres `jsonb` column unchanged. The browser and the server run the same code, so what Postgres cannot keep is
 * refused before it is stored anywhere.
 *
 * Refused: NUL characters and lone surrogates (Postgres rejects them), numbers that are not finite, anything that
 * JSON would drop or change silently (`undefined` in arrays, dates, maps, class instances, big integers, symbols,
 * `toJSON`), keys that reach prototypes, and values too deep or too large.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** Where and why a value cannot be stored. `path` is a JSON pointer, `''` for the value itself. */
export interface JsonIssue {
  readonly path: string
  readonly code:
    | 'nul_character'
    | 'lone_surrogate'
    | 'not_finite'
    | 'not_json'
    | 'forbidden_key'
    | 'too_deep'
    | 'too_large'
}

export interface StoredJsonLimits {
  /** Nesting of arrays and objects. Default 64. */
  readonly maxDepth?: number
  /** Length of the encoded text in UTF-16 units. Default 262,144. */
  readonly maxLength?: number
}

export type StoredJsonResult =
  | { readonly ok: true; readonly text: string; readonly value: Json }
  | { readonly ok: false; readonly issue: JsonIssue }

export type StoredTextResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly issue: JsonIssue }

export const STORED_JSON_LIMITS: Required<StoredJsonLimits> = { maxDepth: 64, maxLength: 262_144 }

export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Encodes a value in canonical form: object keys sorted, no white space, `-0` as `0`. Equal values give equal texts,
 * so hashes may be taken over the text. Properties that are `undefined` are left out, as JSON does.
 */
export function toStoredJson(value: unknown, limits: StoredJsonLimits = {}): StoredJsonResult {
  const encoding = toStoredText(value, limits)
  return encoding.ok ? { ok: true, text: encoding.text, value: JSON.parse(encoding.text) as Json } : encoding
}

/** {@link toStoredJson} for who needs the text only: reading it back costs as much as writing it. */
export function toStoredText(value: unknown, limits: StoredJsonLimits = {}): StoredTextResult {
  const walk: Walk = {
    maxDepth: limits.maxDepth ?? STORED_JSON_LIMITS.maxDepth,
    left: limits.maxLength ?? STORED_JSON_LIMITS.maxLength,
    code: undefined,
    path: [],
  }
  const text = encode(value, 0, walk)
  // Asking for a character makes one piece of the many that it was put together from. Texts wait in queues, and there
  // the pieces cost the garbage collector a tenth of what an append costs.
  if (text !== undefined && text.charCodeAt(0) >= 0) return { ok: true, text }
  return { ok: false, issue: { path: toPointer(walk.path.reverse()), code: walk.code ?? 'not_json' } }
}

/** Every event that is stored passes here, on both sides: no closures, no intermediate lists. */
interface Walk {
  readonly maxDepth: number
  /** What the text may still grow by. */
  left: number
  code: JsonIssue['code'] | undefined
  /** Where the issue is, innermost first: filled on the way out, and only then. */
  readonly path: (string | number)[]
}

/** The text, or `undefined` with the issue in `walk`. */
function encode(value: unknown, depth: number, walk: Walk): string | undefined {
  switch (typeof value) {
    case 'string':
      return encodeString(value, walk)
    case 'number':
      return Number.isFinite(value) ? put(String(value), walk) : fail(walk, 'not_finite')
    case 'boolean':
      return put(value ? 'true' : 'false', walk)
    case 'object':
      break
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      return fail(walk, 'not_json')
  }
  if (value === null) return put('null', walk)
  // Depth is bounded before recursion goes deeper, so hostile nesting cannot exhaust the stack.
  if (depth >= walk.maxDepth) return fail(walk, 'too_deep')
  return Array.isArray(value) ? encodeArray(value, depth, walk) : encodeObject(value, depth, walk)
}

function encodeArray(values: readonly unknown[], depth: number, walk: Walk): string | undefined {
  if (put('[', walk) === undefined) return undefined
  let text = '['
  for (let index = 0; index < values.length; index++) {
    if (index > 0) {
      if (put(',', walk) === undefined) return undefined
      text += ','
    }
    const item = encode(values[index], depth + 1, walk)
    if (item === undefined) {
      walk.path.push(index)
      return undefined
    }
    text += item
  }
  return put(']', walk) === undefined ? undefined : `${text}]`
}

function encodeObject(value: object, depth: number, walk: Walk): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return fail(walk, 'not_json')
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return fail(walk, 'not_json')
  if (put('{', walk) === undefined) return undefined
  let text = '{'
  for (const key of sortedKeys(value)) {
    const property = (value as Record<string, unknown>)[key]
    if (property === undefined) continue
    const head = encodeKey(key, text.length > 1, walk)
    const item = head === undefined ? undefined : encode(property, depth + 1, walk)
    if (item === undefined) {
      walk.path.push(key)
      return undefined
    }
    text += `${head}${item}`
  }
  return put('}', walk) === undefined ? undefined : `${text}}`
}

/** Beyond it, inserting one by one costs more than what `sort` allocates. */
const FEW_KEYS = 16

/** In the order of UTF-16 units, as `sort` has it, which for a handful of keys allocates more than all else does here. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value)
  if (keys.length > FEW_KEYS) return keys.sort()
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string
    let at = index
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string
    keys[at] = key
  }
  return keys
}

function encodeKey(key: string, follows: boolean, walk: Walk): string | undefined {
  if (FORBIDDEN_KEYS.has(key)) return fail(walk, 'forbidden_key')
  if (!PLAIN.test(key)) {
    const code = stringIssue(key)
    if (code !== undefined) return fail(walk, code)
    return put(`${follows ? ',' : ''}${JSON.stringify(key)}:`, walk)
  }
  return put(follows ? `,"${key}":` : `"${key}":`, walk)
}

/** Printable ASCII without quote and backslash: all of it stands for itself in JSON. */
const PLAIN = /^[ !#-[\]-~]*$/

function encodeString(text: string, walk: Walk): string | undefined {
  if (PLAIN.test(text)) return put(`"${text}"`, walk)
  const code = stringIssue(text)
  if (code !== undefined) return fail(walk, code)
  // Before the escapes are written, which can make six of one.
  if (text.length > walk.left) return fail(walk, 'too_large')
  return put(JSON.stringify(text), walk)
}

function put(text: string, walk: Walk): string | undefined {
  walk.left -= text.length
  return walk.left < 0 ? fail(walk, 'too_large') : text
}

function fail(walk: Walk, code: JsonIssue['code']): undefined {
  walk.code = code
  return undefined
}

/** Reads text that {@link toStoredJson} wrote. Texts from elsewhere must pass through `toStoredJson` after parsing. */
export function fromStoredJson(text: string): Json {
  return JSON.parse(text) as Json
}

/** Whether two stored values are equal, key order aside. */
export function isSameJson(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isJsonArray(a) || isJsonArray(b)) {
    return (
      isJsonArray(a) && isJsonArray(b) && a.length === b.length && a.every((item, i) => isSameJson(item, b[i] ?? null))
    )
  }
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key] ?? null, b[key] ?? null))
}

export function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

export function stringIssue(text: string): 'nul_character' | 'lone_surrogate' | undefined {
  if (text.includes('\u0000')) return 'nul_character'
  // With the u flag a surrogate matches only where it is not half of a pair.
  return /\p{Surrogate}/u.test(text) ? 'lone_surrogate' : undefined
}

function toPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
