import { FORBIDDEN_KEYS, STORED_JSON_LIMITS, stringIssue, toStoredText, type StoredTextResult } from './stored-json.ts'

/**
 * The text of a value for a `jsonb` column: what {@link toStoredText} takes and refuses, but with keys in the order they come, since the
 * column has an order of its own. Looking first and letting the engine write the text leaves a third of the garbage, and the collector was a
 * quarter of what many appends at once cost this process.
 */
export function toStorableText(value: unknown): StoredTextResult {
  const text = isStorable(value, 0, { left: STORED_JSON_LIMITS.maxLength }) ? JSON.stringify(value) : undefined
  // What is not plainly fine is looked at again by the one that says what is wrong with it, and where.
  return text === undefined || text.length > STORED_JSON_LIMITS.maxLength ? toStoredText(value) : { ok: true, text }
}

/** `left` is what the text may still grow by, so that a huge value is not walked to its end. */
function isStorable(value: unknown, depth: number, budget: { left: number }): boolean {
  switch (typeof value) {
    case 'string':
      return isStorableString(value, budget)
    case 'number':
      budget.left--
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  // The engine would call it.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
  if (depth >= STORED_JSON_LIMITS.maxDepth || --budget.left < 0) return false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isStorable(value[index], depth + 1, budget)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  // Not by a list of the keys, which would be garbage. What is inherited is looked at too, and does no harm.
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key]
    if (property === undefined) continue
    if (FORBIDDEN_KEYS.has(key) || !isStorableString(key, budget)) return false
    if (!isStorable(property, depth + 1, budget)) return false
  }
  return true
}

/** Nearly all texts are: no NUL, and nothing beyond ASCII that could be half of a pair. */
// eslint-disable-next-line no-control-regex -- all of ASCII but NUL is meant
const ASCII = /^[\u0001-\u007f]*$/

function isStorableString(text: string, budget: { left: number }): boolean {
  budget.left -= text.length
  return budget.left >= 0 && (ASCII.test(text) || stringIssue(text) === undefined)
}
