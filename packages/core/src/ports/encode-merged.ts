/**
 * Checks a merged append, as `encode-request.ts` does the others. Pure.
 */
import type { JsonIssue } from '../stored-json.ts'
import {
  checkCommand,
  checkName,
  encodeAppend,
  EVENT_STORE_LIMITS,
  type EncodedAppend,
  type Encoding,
} from './encode-request.ts'
import type { MergedAppendRequest, MergedMember } from './merged-append.ts'

export interface EncodedMerged {
  readonly append: EncodedAppend
  readonly members: readonly MergedMember[]
}

export function encodeMerged(request: MergedAppendRequest): Encoding<EncodedMerged> {
  const { members, ...shared } = request
  const issues: JsonIssue[] = []
  if (!Array.isArray(members) || members.length === 0) {
    return { ok: false, issues: [{ path: '/members', code: 'not_json' }] }
  }
  if (members.length > EVENT_STORE_LIMITS.members) {
    return { ok: false, issues: [{ path: '/members', code: 'too_large' }] }
  }
  const keys = new Set<string>()
  for (const [index, member] of members.entries()) {
    const at = `/members/${index}`
    if (typeof member !== 'object' || member === null) {
      issues.push({ path: at, code: 'not_json' })
      continue
    }
    const { principal, device, command } = member
    checkName(principal, `${at}/principal`, issues)
    if (device !== null) checkName(device, `${at}/device`, issues)
    checkCommand(command, at, issues)
    // The same command twice would be refused by the database as a whole, without a word about which.
    const key = `${principal}\n${command?.id}`
    if (keys.has(key)) issues.push({ path: `${at}/command/id`, code: 'not_json' })
    keys.add(key)
  }
  const encoding = encodeAppend({ ...shared, command: null })
  if (!encoding.ok) issues.push(...encoding.issues)
  if (!encoding.ok || issues.length > 0) return { ok: false, issues }
  return { ok: true, encoded: { append: encoding.encoded, members } }
}
