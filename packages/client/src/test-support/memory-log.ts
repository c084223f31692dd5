import {
  commandHash,
  decideCommand,
  evolveState,
  initialState,
  readCommand,
  resolveConflict,
  type DecidedEvent,
  type Domain,
  type DomainEvent,
  type Principal,
  type PushAnswer,
  type PushedCommand,
  type VersionedState,
  type WireOutcome,
} from '@tidemark/core'

/** What a command has come to, for the feed. */
export interface Settled {
  readonly principal: string
  readonly device: string
  readonly outcome: WireOutcome
  readonly events: readonly DecidedEvent[]
}

/** The deciding half of a server in memory: streams, and the first result of every command. */
export interface MemoryLog {
  /** Events of a stream. */
  events(stream: string): readonly DomainEvent[] | undefined
  decide(principal: Principal, device: string, pushed: PushedCommand): PushAnswer
  has(principal: Principal, command: string): boolean
  /** Commands that have a result. */
  readonly size: number
  /** What it holds now. What it returns puts it back. */
  backUp(): () => void
}

/** @param onSettled takes what was decided; returns the token of an accepted command. */
export function createMemoryLog(domain: Domain, onSettled: (settled: Settled) => string): MemoryLog {
  const streams = new Map<string, DomainEvent[]>()
  const authors = new Map<string, string>()
  const results = new Map<string, { readonly hash: string; readonly answer: PushAnswer }>()

  const stateOf = (stream: string): VersionedState => {
    const aggregate = domain.aggregateOf(stream)
    if (aggregate === undefined) throw new Error(`no aggregate for ${stream}`)
    return (streams.get(stream) ?? []).reduce(
      (state, event) => evolveState(aggregate, state, event),
      initialState(aggregate),
    )
  }

  function decide(principal: Principal, device: string, pushed: PushedCommand): PushAnswer {
    const aggregate = domain.aggregateOf(pushed.stream)
    if (aggregate === undefined) return { kind: 'invalid', reason: 'unknown_stream', issues: [] }
    const hash = commandHash(pushed)
    const id = `${principal.tenant}/${principal.id}/${pushed.id}`
    const known = results.get(id)
    if (known !== undefined) {
      return known.hash === hash ? known.answer : { kind: 'invalid', reason: 'command_reused', issues: [] }
    }
    const read = readCommand(domain, pushed)
    if (read.kind !== 'command') return { kind: 'invalid', reason: 'invalid_input', issues: [] }
    if (read.command.retired) return { kind: 'invalid', reason: 'retired', issues: [] }
    if (!read.command.allow(principal)) return { kind: 'forbidden' }
    const current = stateOf(pushed.stream)
    const { base } = pushed
    let rebased = false
    let { input } = read
    if (base !== null) {
      if (base.version > current.version) return { kind: 'retry', after: 10, reason: 'predecessor' }
      if (
        base.after !== null &&
        results.get(`${principal.tenant}/${principal.id}/${base.after}`)?.answer.kind !== 'accepted'
      ) {
        return { kind: 'retry', after: 10, reason: 'predecessor' }
      }
      const theirs = (streams.get(pushed.stream) ?? []).filter(
        (event) => event.version > base.version && authors.get(event.id) !== `${principal.id}/${device}`,
      )
      if (theirs.length > 0) {
        const choice = resolveConflict(read.command, { state: current.state, theirs, input })
        if (choice === 'reject') {
          return {
            kind: 'conflict',
            current: current.version,
            theirs: theirs.map((event) => ({
              id: event.id,
              type: event.type,
              schema: 1,
              version: event.version,
              data: event.data as never,
              principal: event.principal,
              occurredAt: event.occurredAt,
            })),
          }
        }
        rebased = read.command.policy !== 'merge'
        if (typeof choice === 'object') ({ input } = choice)
      }
    }
    const decided = decideCommand({
      aggregate,
      command: read.command,
      input,
      current,
      principal,
      commandId: pushed.id,
      streamId: pushed.stream,
      occurredAt: pushed.occurredAt,
    })
    if (decided.kind === 'failed') return { kind: 'invalid', reason: 'domain_error', issues: [] }
    const settle = (outcome: WireOutcome, events: readonly DecidedEvent[]): string => {
      const log = streams.get(pushed.stream) ?? []
      streams.set(pushed.stream, log)
      for (const event of events) {
        log.push(event)
        authors.set(event.id, `${principal.id}/${device}`)
      }
      return onSettled({ principal: principal.id, device, outcome, events })
    }
    const keep = (answer: PushAnswer): PushAnswer => {
      results.set(id, { hash, answer })
      return answer
    }
    if (decided.kind === 'refused') {
      const { code, params } = decided
      settle({ kind: 'refused', command: pushed.id, stream: pushed.stream, code, params }, [])
      return keep({ kind: 'refused', code, params })
    }
    const { version } = decided.after
    const token = settle({ kind: 'accepted', command: pushed.id, stream: pushed.stream, version }, decided.events)
    return keep({ kind: 'accepted', version, token, rebased })
  }

  return {
    events: (stream) => streams.get(stream),
    decide,
    has: (principal, command) => results.has(`${principal.tenant}/${principal.id}/${command}`),
    get size() {
      return results.size
    },
    backUp: () => {
      const saved = structuredClone({ streams, authors, results })
      return () => {
        putBack(streams, saved.streams)
        putBack(authors, saved.authors)
        putBack(results, saved.results)
      }
    },
  }
}

/** Fills a map with what a copy of it holds. The copy stays good for another time. */
export function putBack<V>(live: Map<string, V>, copy: ReadonlyMap<string, V>): void {
  live.clear()
  for (const [key, value] of structuredClone(copy)) live.set(key, value)
}
