/**
 * Checks a request to an event store and turns it into texts, before it is queued: one event that the database cannot
 * store would fail every neighbour in its batch. Every adapter checks with these, so that all refuse the same. Callers
 * that are not typed are expected: what a field holds is looked at, not assumed. Pure.
 */
import { isUuid } from '../id.ts'
import { toStorableText } from '../storable-text.ts'
import type { JsonIssue } from '../stored-json.ts'
import type { AppendRequest, CommandIdentity, ExpectedVersion, NewEvent, SettleRequest } from './event-store.ts'

/** What an event store takes at most in one request; more is `invalid`. */
export const EVENT_STORE_LIMITS = {
  /** Longest tenant, stream, type, principal, device and refusal code. Three of them must fit into one index entry. */
  nameLength: 250,
  /** Events of one append. */
  events: 1_000,
  /** Length of one append, as the sum of its JSON texts. */
  appendLength: 4_194_304,
  /** Streams of one atomic append: each costs a look-up under the lane's lock. */
  streams: 100,
  /** Commands of one merged append: each costs two index look-ups and a row under the lane's lock. */
  members: 1_000,
} as const

export interface EncodedAppend {
  readonly kind: 'append'
  readonly tenant: string
  readonly stream: string
  /** `null` for any, -1 for "the stream exists". */
  readonly expected: number | null
  /** Id of the event that the stream must end with. */
  readonly after: string | null
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity | null
  readonly occurredAt: string
  readonly ids: readonly string[]
  readonly types: readonly string[]
  readonly schemas: readonly number[]
  readonly data: readonly string[]
  readonly metadata: readonly string[]
  /** Rough size on the wire. */
  readonly bytes: number
}

export interface EncodedSettle {
  readonly kind: 'settle'
  readonly tenant: string
  readonly stream: string
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
  /** `null` for an acceptance without events. */
  readonly code: string | null
  readonly params: string | null
  readonly version: number | null
  readonly bytes: number
}

export type Encoding<T> =
  | { readonly ok: true; readonly encoded: T }
  | { readonly ok: false; readonly issues: readonly JsonIssue[] }

/** What an entry costs beside its JSON texts. */
const ENTRY_BYTES = 200

export function encodeAppend(
  request: AppendRequest,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): Encoding<EncodedAppend> {
  const issues: JsonIssue[] = []
  checkNames(request, issues)
  if (request.command !== null) checkCommand(request.command, '', issues)
  const expected = toExpected(request.expected)
  if (expected === undefined) issues.push({ path: '/expected', code: 'not_json' })
  if (request.after !== undefined && !isId(request.after)) issues.push({ path: '/after', code: 'not_json' })
  const occurredAt = toTime(request.occurredAt)
  if (occurredAt === undefined) issues.push({ path: '/occurredAt', code: 'not_json' })
  if (!Array.isArray(request.events) || (request.events.length === 0 && !mayBeEmpty)) {
    issues.push({ path: '/events', code: 'not_json' })
  } else if (request.events.length > EVENT_STORE_LIMITS.events) issues.push({ path: '/events', code: 'too_large' })
  if (expected === undefined || occurredAt === undefined || issues.length > 0) return { ok: false, issues }

  const ids: string[] = []
  const types: string[] = []
  const schemas: number[] = []
  const data: string[] = []
  const metadata: string[] = []
  let bytes = 0
  for (let index = 0; index < request.events.length; index++) {
    const event = request.events[index] as NewEvent
    const at = `/events/${index}`
    if (typeof event !== 'object' || event === null) return { ok: false, issues: [{ path: at, code: 'not_json' }] }
    if (!isId(event.id)) issues.push({ path: `${at}/id`, code: 'not_json' })
    checkName(event.type, `${at}/type`, issues)
    if (!isCount(event.schema) || event.schema < 1 || event.schema > 2_147_483_647) {
      issues.push({ path: `${at}/schema`, code: 'not_json' })
    }
    if (!isObject(event.metadata)) issues.push({ path: `${at}/metadata`, code: 'not_json' })
    const dataText = toText(event.data, `${at}/data`, issues)
    const metadataText = toText(event.metadata, `${at}/metadata`, issues)
    if (issues.length > 0) return { ok: false, issues }
    ids.push(event.id)
    types.push(event.type)
    schemas.push(event.schema)
    data.push(dataText)
    metadata.push(metadataText)
    bytes += ENTRY_BYTES + dataText.length + metadataText.length
    if (bytes > EVENT_STORE_LIMITS.appendLength) return { ok: false, issues: [{ path: '/events', code: 'too_large' }] }
  }
  const { tenant, stream, principal, device, command } = request
  return {
    ok: true,
    encoded: {
      kind: 'append',
      tenant,
      stream,
      expected,
      after: request.after ?? null,
      principal,
      device,
      command,
      occurredAt,
      ids,
      types,
      schemas,
      data,
      metadata,
      bytes,
    },
  }
}

export function encodeSettle(request: SettleRequest): Encoding<EncodedSettle> {
  const issues: JsonIssue[] = []
  const { tenant, stream, principal, device, command } = request
  const outcome: SettleRequest['outcome'] | { readonly kind: undefined } = request.outcome ?? { kind: undefined }
  checkNames(request, issues)
  checkCommand(command, '', issues)
  const encoded = { kind: 'settle' as const, tenant, stream, principal, device, command }
  switch (outcome.kind) {
    case 'refused': {
      checkName(outcome.code, '/outcome/code', issues)
      const params = toText(outcome.params, '/outcome/params', issues)
      if (!isObject(outcome.params)) issues.push({ path: '/outcome/params', code: 'not_json' })
      if (issues.length > 0) return { ok: false, issues }
      const bytes = ENTRY_BYTES + params.length
      return { ok: true, encoded: { ...encoded, code: outcome.code, params, version: null, bytes } }
    }
    case 'nothing': {
      if (!isCount(outcome.version)) issues.push({ path: '/outcome/version', code: 'not_json' })
      if (issues.length > 0) return { ok: false, issues }
      return {
        ok: true,
        encoded: { ...encoded, code: null, params: null, version: outcome.version, bytes: ENTRY_BYTES },
      }
    }
    default:
      return { ok: false, issues: [...issues, { path: '/outcome', code: 'not_json' }] }
  }
}

/**
 * Whether this can be the name of a tenant, stream, type, principal or device: a text of 1 to 250 characters without
 * control characters (lists of names travel joined by newlines).
 */
export function isLogName(text: unknown): text is string {
  return typeof text === 'string' && nameIssue(text) === undefined
}

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/

function nameIssue(text: string): JsonIssue['code'] | undefined {
  if (text.length === 0) return 'not_json'
  if (text.length > EVENT_STORE_LIMITS.nameLength) return 'too_large'
  if (CONTROL.test(text)) return text.includes('\u0000') ? 'nul_character' : 'not_json'
  return /\p{Surrogate}/u.test(text) ? 'lone_surrogate' : undefined
}

export function checkName(text: unknown, path: string, issues: JsonIssue[]): void {
  const code = typeof text === 'string' ? nameIssue(text) : 'not_json'
  if (code !== undefined) issues.push({ path, code })
}

function checkNames(
  request: {
    readonly tenant: string
    readonly stream: string
    readonly principal: string
    readonly device: string | null
  },
  issues: JsonIssue[],
): void {
  checkName(request.tenant, '/tenant', issues)
  checkName(request.stream, '/stream', issues)
  checkName(request.principal, '/principal', issues)
  if (request.device !== null) checkName(request.device, '/device', issues)
}

const HASH = /^[0-9a-f]{32}$/

export function checkCommand(command: CommandIdentity, at: string, issues: JsonIssue[]): void {
  if (typeof command !== 'object' || command === null) {
    issues.push({ path: `${at}/command`, code: 'not_json' })
    return
  }
  if (!isId(command.id)) issues.push({ path: `${at}/command/id`, code: 'not_json' })
  if (typeof command.hash !== 'string' || !HASH.test(command.hash)) {
    issues.push({ path: `${at}/command/hash`, code: 'not_json' })
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(id: unknown): boolean {
  return typeof id === 'string' && isUuid(id)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function toExpected(expected: ExpectedVersion): number | null | undefined {
  if (expected === 'any') return null
  if (expected === 'stream-exists') return -1
  if (expected === 'no-stream') return 0
  return isCount(expected) ? expected : undefined
}

/** In the one form that every reader gets back; `undefined` for what is no time of the years 1 to 9999. */
function toTime(text: unknown): string | undefined {
  if (text === lastTime) return lastTime
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(text) || text.startsWith('0000')) return undefined
  const time = Date.parse(text)
  if (Number.isNaN(time)) return undefined
  const iso = new Date(time).toISOString()
  if (iso.length !== 24) return undefined
  lastTime = iso
  return iso
}

/** Requests of one turn mostly carry the same time; parsing one costs as much as encoding a small event. */
let lastTime: string | undefined

function toText(value: unknown, path: string, issues: JsonIssue[]): string {
  const result = toStorableText(value)
  if (result.ok) return result.text
  issues.push({ path: path + result.issue.path, code: result.issue.code })
  return ''
}
