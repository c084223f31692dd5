/**
 * Checks an append to several streams, as `encode-request.ts` does the others. Pure.
 */
import type { JsonIssue } from '../stored-json.ts'
import type { AtomicAppendRequest } from './atomic-append.ts'
import { encodeAppend, EVENT_STORE_LIMITS, type EncodedAppend, type Encoding } from './encode-request.ts'
import type { CommandIdentity } from './event-store.ts'

export interface EncodedAtomic {
  readonly tenant: string
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity | null
  readonly occurredAt: string
  readonly parts: readonly EncodedAppend[]
}

export function encodeAtomic(request: AtomicAppendRequest): Encoding<EncodedAtomic> {
  const { streams, ...shared } = request
  const issues: JsonIssue[] = []
  if (!Array.isArray(streams) || streams.length === 0) {
    return { ok: false, issues: [{ path: '/streams', code: 'not_json' }] }
  }
  const bad = streams.findIndex((part) => !Array.isArray(part?.events))
  if (bad >= 0) return { ok: false, issues: [{ path: `/streams/${bad}/events`, code: 'not_json' }] }
  const count = streams.reduce((sum, part) => sum + part.events.length, 0)
  if (streams.length > EVENT_STORE_LIMITS.streams || count > EVENT_STORE_LIMITS.events) {
    return { ok: false, issues: [{ path: '/streams', code: 'too_large' }] }
  }
  const parts: EncodedAppend[] = []
  const names = new Set<string>()
  let bytes = 0
  for (const [index, part] of streams.entries()) {
    const at = `/streams/${index}`
    // The second would be judged on what the first has not written yet.
    if (names.has(part.stream)) issues.push({ path: `${at}/stream`, code: 'not_json' })
    names.add(part.stream)
    const encoding = encodeAppend({ ...shared, ...part }, { mayBeEmpty: true })
    if (encoding.ok) {
      parts.push(encoding.encoded)
      bytes += encoding.encoded.bytes
    } else {
      for (const issue of encoding.issues) {
        const isOwn = /^\/(stream|expected|after|events)/.test(issue.path)
        if (isOwn) issues.push({ ...issue, path: at + issue.path })
        else if (index === 0) issues.push(issue)
      }
    }
  }
  if (bytes > EVENT_STORE_LIMITS.appendLength) issues.push({ path: '/streams', code: 'too_large' })
  const [first] = parts
  if (first === undefined || issues.length > 0) return { ok: false, issues }
  const { tenant, principal, device, command, occurredAt } = first
  return { ok: true, encoded: { tenant, principal, device, command, occurredAt, parts } }
}
