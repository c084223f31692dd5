/**
 * The event store port in memory, for tests and demos: the same answers as the store on Postgres, held to them by one
 * contract suite. Nothing survives the process and nothing is bounded.
 */
import {
  encodeAppend,
  encodeAtomic,
  encodeMerged,
  encodeSettle,
  encodeSplit,
  isLogName,
  type AppendAnswer,
  type AppendRequest,
  type AtomicAppendAnswer,
  type AtomicAppendRequest,
  type CommandResult,
  type EncodedAppend,
  type EventStore,
  type Json,
  type JsonObject,
  type KnownMember,
  type LanePage,
  type MergedAppendAnswer,
  type MergedAppendRequest,
  type MergedMember,
  type SettleAnswer,
  type SettleRequest,
  type SplitAnswer,
  type SplitRequest,
  type StoredEvent,
  type WakeListener,
} from '@tidemark/core'
import { follow, lanePage, streamPage } from './memory-reads.ts'

export interface MemoryStoreOptions {
  /** The log's clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
  /** Lane of a tenant that is seen for the first time. Default: lane 0 for all. */
  readonly lane?: (tenant: string) => number
  /** Default: a fixed one. */
  readonly epoch?: string
}

export function createMemoryStore(options: MemoryStoreOptions = {}): EventStore {
  const now = options.now ?? Date.now
  const eventsByLane = new Map<number, StoredEvent[]>()
  const eventsByStream = new Map<string, StoredEvent[]>()
  const successorByStream = new Map<string, string>()
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

  const closed = (
    tenant: string,
    stream: string,
  ): { readonly kind: 'stream-closed'; readonly successor: string } | undefined => {
    const successor = successorByStream.get(streamKey(tenant, stream))
    return successor === undefined ? undefined : { kind: 'stream-closed', successor }
  }
  const streamOf = (tenant: string, stream: string): readonly StoredEvent[] =>
    eventsByStream.get(streamKey(tenant, stream)) ?? []

  /** Appends what holds; each of the commands gets the result. */
  const write = (
    append: EncodedAppend,
    commands: readonly Pick<MergedMember, 'principal' | 'command'>[],
    time = now(),
  ) => {
    const { tenant, stream, principal, device, command, occurredAt } = append
    const events = getOrAdd(eventsByStream, streamKey(tenant, stream), () => [])
    const lane = laneOf(tenant)
    const log = laneEvents(lane)
    const recordedAt = new Date(Math.max(time, Date.parse(log.at(-1)?.recordedAt ?? '1970-01-01'))).toISOString()
    for (const [index, id] of append.ids.entries()) {
      const stored: StoredEvent = freeze({
        id,
        type: append.types[index] as string,
        schema: append.schemas[index] as number,
        data: JSON.parse(append.data[index] as string) as Json,
        metadata: JSON.parse(append.metadata[index] as string) as JsonObject,
        lane,
        position: log.length + 1,
        tenant,
        stream,
        version: events.length + 1,
        principal,
        device,
        command: index === append.ids.length - 1 ? (command?.id ?? null) : null,
        occurredAt,
        recordedAt,
      })
      log.push(stored)
      events.push(stored)
    }
    const position = log.length
    const version = events.length
    for (const { principal: author, command: of } of commands) {
      const result: CommandResult = { kind: 'accepted', stream, version, lane, position, hash: of.hash }
      resultsByCommand.set(commandKey(tenant, author, of.id), result)
    }
    wake(lane)
    return { kind: 'appended' as const, version, lane, position }
  }

  const append = (request: AppendRequest): AppendAnswer => {
    const encoding = encodeAppend(request, { mayBeEmpty: true })
    if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant, stream, principal, command } = request
    const events = streamOf(tenant, stream)
    if (!holds(encoding.encoded, events)) return { kind: 'conflict', current: events.length }
    if (request.events.length === 0) return { kind: 'checked', version: events.length }
    return closed(tenant, stream) ?? write(encoding.encoded, command === null ? [] : [{ principal, command }])
  }

  const appendAtomically = (request: AtomicAppendRequest): AtomicAppendAnswer => {
    const encoding = encodeAtomic(request)
    if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant, principal, command } = request
    const { parts } = encoding.encoded
    for (const part of parts) {
      const events = streamOf(tenant, part.stream)
      if (!holds(part, events)) return { kind: 'conflict', stream: part.stream, current: events.length }
    }
    const written = parts.filter((part) => part.ids.length > 0)
    for (const { stream } of written) {
      const end = closed(tenant, stream)
      if (end !== undefined) return { ...end, stream }
    }
    const time = now()
    for (const part of written) {
      if (part === written.at(-1)) write(part, command === null ? [] : [{ principal, command }], time)
      else write({ ...part, command: null }, [], time)
    }
    const versions = parts.map((part) => streamOf(tenant, part.stream).length)
    if (written.length === 0) return { kind: 'checked', versions }
    const lane = laneOf(tenant)
    return { kind: 'appended', versions, lane, position: laneEvents(lane).length }
  }

  const appendMerged = (request: MergedAppendRequest): MergedAppendAnswer => {
    const encoding = encodeMerged(request)
    if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
    const { tenant, stream, members } = request
    const found = members.flatMap(({ principal, command }, index): KnownMember[] => {
      const answer = known({ tenant, principal, command })
      return answer === undefined ? [] : [{ index, answer }]
    })
    if (found.length > 0) return { kind: 'known-members', known: found }
    const events = streamOf(tenant, stream)
    if (!holds(encoding.encoded.append, events)) return { kind: 'conflict', current: events.length }
    return closed(tenant, stream) ?? write(encoding.encoded.append, members)
  }

  const splitStream = (request: SplitRequest): SplitAnswer => {
    const encoding = encodeSplit(request)
    if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
    const first = known(request)
    if (first !== undefined) return first
    const { append: all, successor } = encoding.encoded
    const { tenant, stream, principal, command } = request
    const end = closed(tenant, stream)
    if (end !== undefined) return end
    if (streamOf(tenant, successor).length > 0) return { kind: 'successor-exists' }
    const events = streamOf(tenant, stream)
    if (!holds(all, events)) return { kind: 'conflict', current: events.length }
    write(eventsOf(all, 0, 1), [{ principal, command }])
    successorByStream.set(streamKey(tenant, stream), successor)
    const opened = { ...eventsOf(all, 1, all.ids.length), stream: successor, command: null }
    return { ...write(opened, []), kind: 'split' }
  }

  const settle = (request: SettleRequest): SettleAnswer => {
    const encoding = encodeSettle(request)
    if (!encoding.ok) return { kind: 'invalid', issues: encoding.issues }
    const first = known(request)
    if (first !== undefined) return first
    const { tenant, stream, principal, command, code, params, version } = encoding.encoded
    const lane = laneOf(tenant)
    const position = laneEvents(lane).length
    const where = { stream, lane, position, hash: command.hash }
    const result: CommandResult =
      code === null || params === null
        ? { kind: 'accepted', version: version ?? 0, ...where }
        : { kind: 'refused', code, params: JSON.parse(params) as JsonObject, ...where }
    resultsByCommand.set(commandKey(tenant, principal, command.id), freeze(result))
    wake(lane)
    return { kind: 'settled', lane, position }
  }

  return {
    append: async (request) => append(request),
    appendAtomically: async (request) => appendAtomically(request),
    appendMerged: async (request) => appendMerged(request),
    splitStream: async (request) => splitStream(request),
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
        return events.slice(from, limit === undefined ? undefined : from + Math.max(0, limit))
      }),
    readStreamPage: async (read) => streamPage(streamOf(read.tenant, read.stream), read),
    async readLane({ lane, after, limit, types, upTo = Number.MAX_SAFE_INTEGER }) {
      const events = laneEvents(lane).slice(Math.max(0, after), Math.max(0, Math.floor(upTo)))
      return (types === undefined ? events : events.filter((event) => types.includes(event.type))).slice(
        0,
        Math.max(0, limit),
      )
    },
    async *subscribe(subscription) {
      const read = (after: number): LanePage => lanePage(laneEvents(subscription.lane), subscription, after)
      for await (const { events } of follow(subscription, read, listen)) yield events
    },
    subscribeToTypes: (subscription) =>
      follow(subscription, (after) => lanePage(laneEvents(subscription.lane), subscription, after), listen),
    head: async (lane) => laneEvents(lane).length,
    async laneOf(tenant) {
      if (!isLogName(tenant))
        throw new RangeError('A tenant is a text of 1 to 250 characters without control characters.')
      return laneOf(tenant)
    },
    epoch: async () => options.epoch ?? '00000000-0000-4000-8000-000000000000',
    onWake: listen,
  }
}

/** Some of the events that an append holds. */
function eventsOf(append: EncodedAppend, from: number, to: number): EncodedAppend {
  const cut = <T>(list: readonly T[]): readonly T[] => list.slice(from, to)
  const { ids, types, schemas, data, metadata } = append
  return {
    ...append,
    ids: cut(ids),
    types: cut(types),
    schemas: cut(schemas),
    data: cut(data),
    metadata: cut(metadata),
  }
}

/** Whether the stream is where an append expects it. */
function holds({ expected, after }: EncodedAppend, events: readonly StoredEvent[]): boolean {
  if (after !== null && events.at(-1)?.id !== after) return false
  if (expected === null) return true
  return expected === -1 ? events.length > 0 : events.length === expected
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
