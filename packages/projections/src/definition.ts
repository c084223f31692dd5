import { createHash } from 'node:crypto'
import type { AnyProjection } from '@tidemark/core'

/**
 * Fingerprint of the code that makes a projection's rows: its own functions, and how its events are read. Spaces do not
 * count, so that a formatter changes nothing.
 *
 * It tells of most changes, not of all: a function or a constant that `fold` uses from elsewhere is not in it, and a
 * compiler or minifier that writes the same code differently is taken for a change. So it is a warning and never a
 * stop; whether the rows are still right, `verify` tells.
 */
export function definitionOf(projection: AnyProjection): string {
  const { key, fold, scope } = projection
  return fingerprintOf(projection.definition?.() ?? [key, fold, scope].join('\n'))
}

/** Fingerprint of what says which events make which rows, in which scopes; `undefined` where that is not known. */
export function placementOf(projection: AnyProjection): string | undefined {
  const text = projection.placement?.()
  return text === undefined ? undefined : fingerprintOf(text)
}

/** Of a text of code. */
export function fingerprintOf(text: string): string {
  return createHash('sha256').update(text.replace(/\s+/g, '')).digest('hex').slice(0, 32)
}
