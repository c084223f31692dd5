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

export const STORED_JSON_LIMITS: Required<StoredJsonLimits> = { maxDepth: 64, maxLength: 262_144 }

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Encodes a value in canonical form: object keys sorted, no white space, `-0` as `0`. Equal values give equal texts,
 * so hashes may be taken over the text. Properties that are `undefined` are left out, as JSON does.
 */
export function toStoredJson(value: unknown, limits: StoredJsonLimits = {}): StoredJsonResult {
  const maxDepth = limits.maxDepth ?? STORED_JSON_LIMITS.maxDepth
  const maxLength = limits.maxLength ?? STORED_JSON_LIMITS.maxLength
  let length = 0
  const parts: string[] = []
  const put = (text: string): boolean => {
    parts.push(text)
    length += text.length
    return length <= maxLength
  }
  const issueAt = (path: readonly (string | number)[], code: JsonIssue['code']): JsonIssue => ({
    path: toPointer(path),
    code,
  })

  // Depth is bounded before recursion goes deeper, so hostile nesting cannot exhaust the stack.
  const walk = (current: unknown, path: (string | number)[]): JsonIssue | undefined => {
    switch (typeof current) {
      case 'string': {
        const code = stringIssue(current)
        if (code !== undefined) return issueAt(path, code)
        if (length + current.length > maxLength) return issueAt(path, 'too_large')
        return put(JSON.stringify(current)) ? undefined : issueAt(path, 'too_large')
      }
      case 'number':
        if (!Number.isFinite(current)) return issueAt(path, 'not_finite')
        return put(JSON.stringify(current)) ? undefined : issueAt(path, 'too_large')
      case 'boolean':
        return put(current ? 'true' : 'false') ? undefined : issueAt(path, 'too_large')
      case 'object':
        break
      case 'bigint':
      case 'function':
      case 'symbol':
      case 'undefined':
        return issueAt(path, 'not_json')
    }
    if (current === null) return put('null') ? undefined : issueAt(path, 'too_large')
    if (path.length >= maxDepth) return issueAt(path, 'too_deep')
    if (Array.isArray(current)) {
      if (!put('[')) return issueAt(path, 'too_large')
      for (let index = 0; index < current.length; index++) {
        if (index > 0 && !put(',')) return issueAt(path, 'too_large')
        path.push(index)
        const issue = walk(current[index], path)
        if (issue !== undefined) return issue
        path.pop()
      }
      return put(']') ? undefined : issueAt(path, 'too_large')
    }
    const prototype: unknown = Object.getPrototypeOf(current)
    if (prototype !== Object.prototype && prototype !== null) return issueAt(path, 'not_json')
    if (typeof (current as { toJSON?: unknown }).toJSON === 'function') return issueAt(path, 'not_json')
    if (!put('{')) return issueAt(path, 'too_large')
    let first = true
    for (const key of Object.keys(current).sort()) {
      const property = (current as Record<string, unknown>)[key]
      if (property === undefined) continue
      path.push(key)
      if (FORBIDDEN_KEYS.has(key)) return issueAt(path, 'forbidden_key')
      const code = stringIssue(key)
      if (code !== undefined) return issueAt(path, code)
      if (!put(`${first ? '' : ','}${JSON.stringify(key)}:`)) return issueAt(path, 'too_large')
      first = false
      const issue = walk(property, path)
      if (issue !== undefined) return issue
      path.pop()
    }
    return put('}') ? undefined : issueAt(path, 'too_large')
  }

  const issue = walk(value, [])
  if (issue !== undefined) return { ok: false, issue }
  const text = parts.join('')
  return { ok: true, text, value: JSON.parse(text) as Json }
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

function stringIssue(text: string): 'nul_character' | 'lone_surrogate' | undefined {
  if (text.includes('\u0000')) return 'nul_character'
  // With the u flag a surrogate matches only where it is not half of a pair.
  return /\p{Surrogate}/u.test(text) ? 'lone_surrogate' : undefined
}

function toPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
