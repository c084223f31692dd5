/**
 * The event store port in memory, for tests and demos: the same answers as the store on Postgres, held to them by one
 * contract suite. Nothing survives the process and nothing is bounded.
 */
import {
  isUuid,
  toStoredJson,
  type AppendAnswer,
  type AppendRequest,
  type AtomicAppendAnswer,
  type AtomicAppendRequest,
  type CommandIdentity,
  type CommandResult,
  type EventStore,
  type Json,
  type JsonIssue,
  type JsonObject,
  type KnownMember,
  type MergedAppendAnswer,
  type MergedAppendRequest,
  type MergedMember,
  type SettleAnswer,
  type SettleRequest,
  type StoredEvent,
  type SubscribeOptions,
  type WakeListener,
} from '@tidemark/core'

export interface MemoryStoreOptions {
  /** The log's clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
  /** Lane of a tenant that is seen for the first time. Default: lane 0 for all. */
  readonly lane?: (tenant: string) => number
  /** Default: a fixed one. */
  readonly epoch?: string
}

const MAX_NAME_LENGTH = 250
const MAX_EVENTS = 1_000
const MAX_STREAMS = 100
const EXPECTATIONS: ReadonlySet<string> = new Set(['any', 'no-stream', 'stream-exists'])
const MAX_MEMBERS = 1_000

export function createMemoryStore(options: MemoryStoreOptions = {}): EventStore {
  const now = options.now ?? Date.now
  const eventsByLane = new Map<number, StoredEvent[]>()
  const eventsByStream = new Map<string, StoredEvent[]>()
  const resultsByCommand = new Map<string, CommandResult>()
  const laneByTenant = new Map<string, number>()
  // A listener may be added twice, so each gets an entry of its own.
  const listeners = new Set<{ readonly listener: WakeListener }>()

  const laneEvents = (lane: number): StoredEvent[] => getOrAdd(eventsByLane, lane, () => [])
  const laneOf = (tenant: string): number => getOrAdd(laneByTenant, tenant, () => options.lane?.(tenant) ?? 0)
  const wake = (lane: number): void => {
    for (const { listener } of listeners) listener(lane)
  }
  const listen = (listener: WakeListener): (() => void) => {
    const entry = { listener }
    listeners.add(entry)
    return () => void listeners.delete(entry)
  }
  const known = (
    request: Pick<AppendRequest, 'tenant' | 'principal' | 'command'>,
  ): KnownMember['answer'] | undefined => {
    if (request.command === null) return undefined
    const result = resultsByCommand.get(commandKey(request.tenant, request.principal, request.command.id))
    if (result === undefined) return undefined
    return result.hash === request.command.hash ? { kind: 'duplicate', result } : { kind: 'command-reused' }
  }

  /** The commands in `members` get the result of the append as well. */
  const append = (request: AppendRequest, members: readonly MergedMember[] = []): AppendAnswer => {
    const issues = [...requestIssues(request), ...appendIssues(request)]
    if (issues.length > 0) return { kind: 'invalid', issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant, stream, principal, device, command } = request
    const events = eventsByStream.get(streamKey(tenant, stream)) ?? []
    const current = events.length
    if (!holds(request, events)) return { kind: 'conflict', current }

    const lane = laneOf(tenant)
    const log = laneEvents(lane)
    const recordedAt = new Date(Math.max(now(), Date.parse(log.at(-1)?.recordedAt ?? '1970-01-01'))).toISOString()
    for (const [index, event] of request.events.entries()) {
      const stored: StoredEvent = freeze({
        id: event.id,
        type: event.type,
        schema: event.schema,
        data: copy(event.data),
        metadata: copy(event.metadata) as JsonObject,
        lane,
        position: log.length + 1,
        tenant,
        stream,
        version: events.length + 1,
        principal,
        device,
        command: index === request.events.length - 1 ? (command?.id ?? null) : null,
        occurredAt: new Date(request.occurredAt).toISOString(),
        recordedAt,
      })
      log.push(stored)
      events.push(stored)
    }
    eventsByStream.set(streamKey(tenant, stream), events)
    const position = log.length
    const version = events.length
    for (const member of command === null ? members : [{ principal, command }]) {
      const result: CommandResult = { kind: 'accepted', stream, version, lane, position, hash: member.command.hash }
      resultsByCommand.set(commandKey(tenant, member.principal, member.command.id), result)
    }
    wake(lane)
    return { kind: 'appended', version, lane, position }
  }

  const appendAtomically = (request: AtomicAppendRequest): AtomicAppendAnswer => {
    const { streams, ...shared } = request
    const issues = atomicIssues(request)
    if (issues.length > 0) return { kind: 'invalid', issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant } = request
    const stored = (stream: string): readonly StoredEvent[] => eventsByStream.get(streamKey(tenant, stream)) ?? []
    for (const part of streams) {
      const events = stored(part.stream)
      if (!holds(part, events)) return { kind: 'conflict', stream: part.stream, current: events.length }
    }
    const written = streams.filter((part) => part.events.length > 0)
    for (const part of written)
      append({ ...shared, ...part, command: part === written.at(-1) ? request.command : null })
    const versions = streams.map((part) => stored(part.stream).length)
    if (written.length === 0) return { kind: 'checked', versions }
    const lane = laneOf(tenant)
    return { kind: 'appended', versions, lane, position: laneEvents(lane).length }
  }

  const appendMerged = (request: MergedAppendRequest): MergedAppendAnswer => {
    const { members, ...shared } = request
    const issues = memberIssues(request)
    if (issues.length > 0) return { kind: 'invalid', issues }
    const { tenant } = request
    const found = members.flatMap(({ principal, command }, index): KnownMember[] => {
      const answer = known({ tenant, principal, command })
      return answer === undefined ? [] : [{ index, answer }]
    })
    if (found.length > 0) return { kind: 'known-members', known: found }
    return append({ ...shared, command: null }, members) as MergedAppendAnswer
  }

  const settle = (request: SettleRequest): SettleAnswer => {
    const issues = [...requestIssues(request), ...outcomeIssues(request)]
    if (issues.length > 0) return { kind: 'invalid', issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant, stream, principal, command, outcome } = request
    const lane = laneOf(tenant)
    const position = laneEvents(lane).length
    const where = { stream, lane, position, hash: command.hash }
    const result: CommandResult =
      outcome.kind === 'nothing'
        ? { kind: 'accepted', version: outcome.version, ...where }
        : { kind: 'refused', code: outcome.code, params: copy(outcome.params) as JsonObject, ...where }
    resultsByCommand.set(commandKey(tenant, principal, command.id), freeze(result))
    wake(lane)
    return { kind: 'settled', lane, position }
  }

  return {
    append: async (request) => append(request),
    appendAtomically: async (request) => appendAtomically(request),
    appendMerged: async (request) => appendMerged(request),
    settle: async (request) => settle(request),
    async results(tenant, principal, commands) {
      const found = new Map<string, CommandResult>()
      for (const command of commands) {
        const result = resultsByCommand.get(commandKey(tenant, principal, command))
        if (result !== undefined) found.set(command, result)
      }
      return found
    },
    readStreams: async (reads) =>
      reads.map(({ tenant, stream, after, limit }) => {
        const from = Math.max(0, Math.floor(after))
        const events = eventsByStream.get(streamKey(tenant, stream)) ?? []
        return events.slice(from, limit === undefined ? undefined : from + limit)
      }),
    async readLane({ lane, after, limit, types, upTo = Number.MAX_SAFE_INTEGER }) {
      const events = laneEvents(lane).slice(Math.max(0, after), Math.max(0, Math.floor(upTo)))
      return (types === undefined ? events : events.filter((event) => types.includes(event.type))).slice(0, limit)
    },
    subscribe: (subscription) => follow(subscription, (after) => laneEvents(subscription.lane).slice(after), listen),
    head: async (lane) => laneEvents(lane).length,
    laneOf: async (tenant) => laneOf(tenant),
    epoch: async () => options.epoch ?? '00000000-0000-4000-8000-000000000000',
    onWake: listen,
  }
}

async function* follow(
  { after, batch = 500, lane, signal }: SubscribeOptions,
  read: (after: number) => readonly StoredEvent[],
  listen: (listener: WakeListener) => () => void,
): AsyncGenerator<readonly StoredEvent[], void, void> {
  let position = after
  let wakeUp = (): void => {}
  const onWake = (woken: number): void => {
    if (woken === lane) wakeUp()
  }
  const onAbort = (): void => wakeUp()
  const stopListening = listen(onWake)
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      const events = read(position).slice(0, batch)
      position = events.at(-1)?.position ?? position
      if (events.length > 0) yield events
      // Reading and waiting are one turn, so no append fits between them.
      else await new Promise<void>((resolve) => void (wakeUp = resolve))
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', onAbort)
  }
}

function requestIssues({ tenant, stream, principal, device, command }: AppendRequest | SettleRequest): JsonIssue[] {
  const issues = [...nameIssues(tenant, '/tenant'), ...nameIssues(stream, '/stream')]
  issues.push(...nameIssues(principal, '/principal'))
  if (device !== null) issues.push(...nameIssues(device, '/device'))
  if (command !== null) issues.push(...commandIssues(command))
  return issues
}

function commandIssues(command: CommandIdentity): JsonIssue[] {
  const issues: JsonIssue[] = []
  if (!isUuid(command.id)) issues.push({ path: '/command/id', code: 'not_json' })
  if (!/^[0-9a-f]{32}$/.test(command.hash)) issues.push({ path: '/command/hash', code: 'not_json' })
  return issues
}

function appendIssues({ expected, after, occurredAt, events }: AppendRequest): JsonIssue[] {
  const issues: JsonIssue[] = []
  if (typeof expected === 'number' ? !isCount(expected) : !EXPECTATIONS.has(expected)) {
    issues.push({ path: '/expected', code: 'not_json' })
  }
  if (after !== undefined && !isUuid(after)) issues.push({ path: '/after', code: 'not_json' })
  if (!isTime(occurredAt)) {
    issues.push({ path: '/occurredAt', code: 'not_json' })
  }
  if (events.length === 0) issues.push({ path: '/events', code: 'not_json' })
  if (events.length > MAX_EVENTS) issues.push({ path: '/events', code: 'too_large' })
  for (const [index, event] of events.entries()) {
    const at = `/events/${index}`
    if (!isUuid(event.id)) issues.push({ path: `${at}/id`, code: 'not_json' })
    issues.push(...nameIssues(event.type, `${at}/type`))
    if (!isCount(event.schema) || event.schema < 1) issues.push({ path: `${at}/schema`, code: 'not_json' })
    issues.push(...jsonIssues(event.data, `${at}/data`), ...jsonIssues(event.metadata, `${at}/metadata`))
  }
  return issues
}

function memberIssues({ tenant, members }: MergedAppendRequest): JsonIssue[] {
  const issues: JsonIssue[] = []
  if (members.length === 0) issues.push({ path: '/members', code: 'not_json' })
  if (members.length > MAX_MEMBERS) issues.push({ path: '/members', code: 'too_large' })
  const keys = new Set<string>()
  for (const [index, { principal, device, command }] of members.entries()) {
    const at = `/members/${index}`
    const own = [...nameIssues(principal, '/principal'), ...(device === null ? [] : nameIssues(device, '/device'))]
    own.push(...commandIssues(command))
    issues.push(...own.map(({ path, code }) => ({ path: at + path, code })))
    const key = commandKey(tenant, principal, command.id)
    if (keys.has(key)) issues.push({ path: `${at}/command/id`, code: 'not_json' })
    keys.add(key)
  }
  return issues
}

function atomicIssues({ streams, ...shared }: AtomicAppendRequest): JsonIssue[] {
  if (streams.length === 0) return [{ path: '/streams', code: 'not_json' }]
  const count = streams.reduce((sum, part) => sum + part.events.length, 0)
  if (streams.length > MAX_STREAMS || count > MAX_EVENTS) return [{ path: '/streams', code: 'too_large' }]
  const names = streams.map((part) => part.stream)
  return streams.flatMap((part, index) => {
    const request = { ...shared, ...part }
    const twice: JsonIssue[] = names.indexOf(part.stream) < index ? [{ path: '/stream', code: 'not_json' }] : []
    const found = [...requestIssues(request), ...appendIssues(request), ...twice]
    const isOwn = ({ path }: JsonIssue): boolean => /^\/(stream|expected|after|events)/.test(path)
    return found
      .filter((issue) => (isOwn(issue) ? issue.path !== '/events' : index === 0))
      .map((issue) => (isOwn(issue) ? { ...issue, path: `/streams/${index}${issue.path}` } : issue))
  })
}

/** Whether the stream is where an append expects it. */
function holds(
  { expected, after }: Pick<AppendRequest, 'expected' | 'after'>,
  events: readonly StoredEvent[],
): boolean {
  if (after !== undefined && events.at(-1)?.id !== after) return false
  switch (expected) {
    case 'any':
      return true
    case 'stream-exists':
      return events.length > 0
    case 'no-stream':
      return events.length === 0
    default:
      return events.length === expected
  }
}

function outcomeIssues({ outcome }: SettleRequest): JsonIssue[] {
  if (outcome.kind === 'nothing') {
    return isCount(outcome.version) ? [] : [{ path: '/outcome/version', code: 'not_json' }]
  }
  return [...nameIssues(outcome.code, '/outcome/code'), ...jsonIssues(outcome.params, '/outcome/params')]
}

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/

function nameIssues(name: string, path: string): JsonIssue[] {
  if (name.length > MAX_NAME_LENGTH) return [{ path, code: 'too_large' }]
  const issues = jsonIssues(name, path)
  return issues.length === 0 && (name.length === 0 || CONTROL.test(name)) ? [{ path, code: 'not_json' }] : issues
}

function jsonIssues(value: unknown, path: string): JsonIssue[] {
  const result = toStoredJson(value)
  return result.ok ? [] : [{ path: path + result.issue.path, code: result.issue.code }]
}

/** A time of the years 1 to 9999. */
function isTime(text: string): boolean {
  const time = /^(?!0000)\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().length === 24
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** What a database would give back: another object with the same content. */
function copy(value: Json): Json {
  const result = toStoredJson(value)
  return result.ok ? result.value : null
}

/** All readers get the same objects, so none may change them. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const property of Object.values(value)) freeze(property)
  }
  return value
}

function streamKey(tenant: string, stream: string): string {
  return `${tenant}\n${stream}`
}

function commandKey(tenant: string, principal: string, command: string): string {
  return `${tenant}\n${principal}\n${command}`
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const created = create()
  map.set(key, created)
  return created
}
