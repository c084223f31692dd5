/**
 * Checks a merged append, as `encode-request.ts` does the others. Pure.
 */
import { isUuid, type JsonIssue, type MergedAppendRequest, type MergedMember } from '@tidemark/core'
import { encodeAppend, isName, MAX_NAME_LENGTH, type EncodedAppend, type Encoding } from './encode-request.ts'

/** Most commands of one merged append: each costs two index look-ups and a row under the lane's lock. */
export const MAX_MEMBERS = 1_000

export interface EncodedMerged {
  readonly append: EncodedAppend
  readonly members: readonly MergedMember[]
}

export function encodeMerged(request: MergedAppendRequest): Encoding<EncodedMerged> {
  const { members, ...shared } = request
  const issues: JsonIssue[] = []
  if (members.length === 0) issues.push({ path: '/members', code: 'not_json' })
  if (members.length > MAX_MEMBERS) issues.push({ path: '/members', code: 'too_large' })
  if (issues.length > 0) return { ok: false, issues }
  const keys = new Set<string>()
  for (const [index, { principal, device, command }] of members.entries()) {
    const at = `/members/${index}`
    checkName(principal, `${at}/principal`, issues)
    if (device !== null) checkName(device, `${at}/device`, issues)
    // The same command twice would be refused by the database as a whole, without a word about which.
    const key = `${principal}\n${command.id}`
    if (!isUuid(command.id) || keys.has(key)) issues.push({ path: `${at}/command/id`, code: 'not_json' })
    if (!/^[0-9a-f]{32}$/.test(command.hash)) issues.push({ path: `${at}/command/hash`, code: 'not_json' })
    keys.add(key)
  }
  const encoding = encodeAppend({ ...shared, command: null })
  if (!encoding.ok) issues.push(...encoding.issues)
  if (!encoding.ok || issues.length > 0) return { ok: false, issues }
  return { ok: true, encoded: { append: encoding.encoded, members } }
}

function checkName(name: string, path: string, issues: JsonIssue[]): void {
  if (isName(name)) return
  // Not even a text, where the caller is not typed.
  const length = typeof name === 'string' ? (name as string).length : 0
  issues.push({ path, code: length > MAX_NAME_LENGTH ? 'too_large' : 'not_json' })
}
