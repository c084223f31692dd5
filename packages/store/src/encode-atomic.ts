/**
 * Checks an append to several streams, as `encode-request.ts` does the others. Pure.
 */
import type { AtomicAppendRequest, CommandIdentity, JsonIssue } from '@tidemark/core'
import { encodeAppend, MAX_APPEND_LENGTH, MAX_EVENTS, type EncodedAppend, type Encoding } from './encode-request.ts'

/** Most streams of one atomic append: each costs a look-up under the lane's lock. */
export const MAX_STREAMS = 100

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
  if (streams.length === 0) issues.push({ path: '/streams', code: 'not_json' })
  if (streams.length > MAX_STREAMS) issues.push({ path: '/streams', code: 'too_large' })
  if (streams.reduce((sum, part) => sum + part.events.length, 0) > MAX_EVENTS) {
    issues.push({ path: '/streams', code: 'too_large' })
  }
  if (issues.length > 0) return { ok: false, issues }
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
  if (bytes > MAX_APPEND_LENGTH) issues.push({ path: '/streams', code: 'too_large' })
  const [first] = parts
  if (first === undefined || issues.length > 0) return { ok: false, issues }
  const { tenant, principal, device, command, occurredAt } = first
  return { ok: true, encoded: { tenant, principal, device, command, occurredAt, parts } }
}
