import {
  commandHash,
  decideCommand,
  initialState,
  evolveState,
  PROTOCOL_VERSION,
  readCommand,
  resolveConflict,
  type DecidedEvent,
  type Domain,
  type DomainEvent,
  type LiveMessage,
  type Page,
  type Principal,
  type PullRequest,
  type PushAnswer,
  type PushedCommand,
  type Renewal,
  type Transport,
  type TransportFailure,
  type VersionedState,
  type WireOutcome,
  type WireRemoval,
  type WireRow,
} from '@tidemark/core'

/** The rules of the sync protocol, run in memory over a real domain: decides, projects, pages, streams. */
export interface MemorySyncServer {
  connect(principal: Principal, device?: { faults?: Partial<Faults> }): ServerLink
  /** Events of a stream. */
  events(stream: string): readonly DomainEvent[]
  /** Rows of a projection by key. */
  rows(projection: string): ReadonlyMap<string, unknown>
  /** A command of somebody else, straight to the log. */
  act(principal: Principal, command: Pick<PushedCommand, 'type' | 'stream' | 'input'>): PushAnswer
  /** While held, the log grows and no page shows it. */
  hold(): void
  release(): void
  /** Makes every cursor handed out so far unreadable. */
  forgetCursors(): void
  /** Takes a backup. What it returns puts it back: what happened since has never been, and cursors show it. */
  backUp(): () => void
  /** What a principal may see from now on. Everything, where it was never said. */
  grant(principal: Principal, scopes: readonly string[]): void
  readonly pushes: number
}

export interface Faults {
  /** No request arrives. */
  offline: boolean
  /** Requests arrive and are carried out; their answers are lost. */
  loseReplies: boolean
  /** Answer to everything. */
  failure: TransportFailure | null
  /** The server answers every push with this. */
  answer: PushAnswer | null
  /** Live streams are accepted and never say a word. */
  muteLive: boolean
}

export interface ServerLink extends Transport {
  readonly faults: Faults
  /** Ends the live stream, as a broken connection does. */
  cut(): void
  readonly streams: number
  /** Requests by kind. */
  readonly calls: { push: number; pull: number; live: number; history: number }
}

interface StoredRow {
  readonly row: unknown
  readonly scope: string
  readonly changed: number
}
interface Tombstone extends WireRemoval {
  readonly scope: string
  readonly changed: number
}
interface StoredOutcome {
  readonly principal: string
  readonly device: string
  readonly position: number
  readonly outcome: WireOutcome
}

const PAGE_ROWS = 500

export function createMemorySyncServer(domain: Domain, options: { pageRows?: number } = {}): MemorySyncServer {
  const pageRows = options.pageRows ?? PAGE_ROWS
  const streams = new Map<string, DomainEvent[]>()
  const authors = new Map<string, string>()
  const rows = new Map<string, Map<string, StoredRow>>()
  const tombstones = new Map<string, Tombstone>()
  const grants = new Map<string, readonly string[]>()
  const outcomes: StoredOutcome[] = []
  const results = new Map<string, { readonly hash: string; readonly answer: PushAnswer }>()
  let waiting: (() => void)[] = []
  let held = false
  let position = 0
  let generation = 1
  /** Cursors of earlier generations than this have seen a history that was lost. */
  let history = 1
  let pushes = 0
  const wakers = new Set<() => void>()

  const stateOf = (stream: string): VersionedState => {
    const aggregate = domain.aggregateOf(stream)
    if (aggregate === undefined) throw new Error(`no aggregate for ${stream}`)
    return (streams.get(stream) ?? []).reduce(
      (state, event) => evolveState(aggregate, state, event),
      initialState(aggregate),
    )
  }

  /** Rows and outcome become visible together, now or when the hold ends. */
  function publish(step: () => void): void {
    if (held) {
      waiting.push(step)
      return
    }
    position += 1
    step()
    for (const wake of [...wakers]) wake()
  }

  function project(event: DomainEvent): void {
    for (const projection of domain.projectionsByEventType.get(event.type) ?? []) {
      const key = projection.key(event)
      if (key === undefined) continue
      const table = rows.get(projection.name) ?? new Map<string, StoredRow>()
      rows.set(projection.name, table)
      const before = table.get(key)
      const row = projection.fold(before?.row, event)
      const at = `${projection.name}\n${key}`
      const scope = row === undefined ? undefined : projection.scope(row)
      if (before !== undefined && before.scope !== scope) {
        const { scope: left } = before
        tombstones.set(`${at}\n${left}`, { projection: projection.name, key, scope: left, changed: position })
      }
      if (scope === undefined) {
        table.delete(key)
      } else {
        table.set(key, { row, scope, changed: position })
        tombstones.delete(`${at}\n${scope}`)
      }
    }
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
    const settle = (answer: PushAnswer, outcome: WireOutcome, events: readonly DecidedEvent[]): PushAnswer => {
      results.set(id, { hash, answer })
      const log = streams.get(pushed.stream) ?? []
      streams.set(pushed.stream, log)
      for (const event of events) {
        log.push(event)
        authors.set(event.id, `${principal.id}/${device}`)
      }
      publish(() => {
        for (const event of events) project(event)
        outcomes.push({ principal: principal.id, device, position, outcome })
      })
      return answer
    }
    if (decided.kind === 'refused') {
      const { code, params } = decided
      return settle(
        { kind: 'refused', code, params },
        { kind: 'refused', command: pushed.id, stream: pushed.stream, code, params },
        [],
      )
    }
    const { version } = decided.after
    return settle(
      { kind: 'accepted', version, token: `t${position}`, rebased },
      { kind: 'accepted', command: pushed.id, stream: pushed.stream, version },
      decided.events,
    )
  }

  interface Mark {
    readonly from: number
    readonly changed: number
    readonly last: string
    readonly reset: boolean
    readonly renews?: Renewal | undefined
  }
  /** What a cursor covers: scopes (`null`: all of them) and projection versions. */
  interface Cover {
    readonly scopes: readonly string[] | null
    readonly projections: Readonly<Record<string, number>>
  }
  interface Claims extends Cover {
    readonly generation: number
    readonly from: number
    readonly mark: Mark | null
  }
  const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

  /** `null` where the pull begins anew: unreadable, or from the middle of a pull under other conditions. */
  function readCursor(cursor: string | null, cover: Cover): Claims | null {
    if (cursor === null) return null
    const claims = JSON.parse(cursor) as Claims
    if (claims.generation !== generation) return null
    const fits = isSame(claims.scopes, cover.scopes) && isSame(claims.projections, cover.projections)
    return claims.mark === null || fits ? claims : null
  }

  function renewalOf(claims: Claims, cover: Cover): Renewal | undefined {
    const [before, now] = [claims.scopes ?? [], cover.scopes ?? []]
    const scopes = [...now.filter((each) => !before.includes(each)), ...before.filter((each) => !now.includes(each))]
    const projections = Object.keys({ ...claims.projections, ...cover.projections }).filter(
      (name) => claims.projections[name] !== cover.projections[name],
    )
    return scopes.length + projections.length === 0 ? undefined : { scopes, projections }
  }

  function page(
    principal: Principal,
    device: string,
    cursor: string | null,
    projections: Readonly<Record<string, number>>,
    wanted: { readonly kind: 'awaiting'; readonly ids: readonly string[] } | { readonly kind: 'device' },
    limit: number,
  ): Page {
    const scopes = grants.get(principal.id) ?? null
    const cover: Cover = { scopes, projections }
    const known = readCursor(cursor, cover)
    const isHistoryLost = cursor !== null && (JSON.parse(cursor) as Claims).generation < history
    const reset = known === null || (known.mark?.reset ?? false)
    const renews = known === null ? undefined : known.mark === null ? renewalOf(known, cover) : known.mark.renews
    const from = known?.from ?? 0
    const after = known?.mark ?? null
    const mayRead = (scope: string): boolean => scopes === null || scopes.includes(scope)
    const changes: {
      readonly at: string
      readonly changed: number
      readonly row?: WireRow
      readonly removal?: WireRemoval
    }[] = []
    for (const [name, table] of rows) {
      if (!(name in projections)) continue
      for (const [key, { row, scope, changed }] of table) {
        const isAnew = renews !== undefined && (renews.scopes.includes(scope) || renews.projections.includes(name))
        if (mayRead(scope) && (changed > from || reset || isAnew)) {
          changes.push({ at: `${name}\n${key}`, changed, row: { projection: name, key, scope, row: row as never } })
        }
      }
    }
    if (!reset) {
      for (const [at, { projection, key, scope, changed }] of tombstones) {
        const stored = rows.get(projection)?.get(key)
        if (!mayRead(scope) || (stored !== undefined && mayRead(stored.scope))) continue
        if (changed > from) changes.push({ at, changed, removal: { projection, key } })
      }
    }
    changes.sort((a, b) => a.changed - b.changed || (a.at < b.at ? -1 : 1))
    const rest = changes.filter(
      (each) =>
        after === null || each.changed > after.changed || (each.changed === after.changed && each.at > after.last),
    )
    const taken = rest.slice(0, limit)
    const last = taken.at(-1)
    const complete = taken.length === rest.length || last === undefined
    const asked = wanted.kind === 'awaiting' ? new Set(wanted.ids) : null
    return {
      kind: 'page',
      since: reset && after === null ? null : cursor,
      cursor: JSON.stringify({
        generation,
        ...cover,
        from: complete ? position : from,
        mark: complete ? null : { from, changed: last.changed, last: last.at, reset, renews },
      } satisfies Claims),
      complete,
      reset,
      ...(isHistoryLost ? { restored: true } : {}),
      ...(renews === undefined ? {} : { renews: { scopes: [...renews.scopes], projections: [...renews.projections] } }),
      rows: taken.flatMap((each) => each.row ?? []),
      removals: taken.flatMap((each) => each.removal ?? []),
      outcomes: complete
        ? outcomes
            .filter(
              (each) =>
                each.principal === principal.id &&
                (asked === null ? each.device === device && each.position > from : asked.has(each.outcome.command)),
            )
            .map((each) => each.outcome)
        : [],
      scopes: [...(scopes ?? ['tenant'])],
      remaining: rest.length - taken.length,
      now: new Date().toISOString(),
    }
  }

  return {
    events: (stream) => streams.get(stream) ?? [],
    rows: (name) => new Map([...(rows.get(name) ?? [])].map(([key, stored]) => [key, stored.row])),
    act: (principal, command) => {
      const suffix = String(results.size).padStart(12, '0')
      return decide(principal, 'another-device', {
        ...command,
        id: `01900000-0000-7000-8000-${suffix}`,
        schema: 1,
        occurredAt: '2026-01-01T00:00:00.000Z',
        base: null,
      })
    },
    hold: () => {
      held = true
    },
    release: () => {
      held = false
      const steps = waiting
      waiting = []
      for (const step of steps) publish(step)
    },
    backUp: () => {
      const saved = structuredClone({ streams, authors, rows, tombstones, outcomes, results, position })
      return () => {
        for (const [live, copy] of [
          [streams, saved.streams],
          [authors, saved.authors],
          [rows, saved.rows],
          [tombstones, saved.tombstones],
          [results, saved.results],
        ] as const) {
          live.clear()
          for (const [key, value] of copy) (live as Map<string, unknown>).set(key, value)
        }
        outcomes.splice(0, outcomes.length, ...saved.outcomes)
        ;({ position } = saved)
        waiting = []
        generation += 1
        history = generation
        for (const wake of [...wakers]) wake()
      }
    },
    forgetCursors: () => {
      generation += 1
      for (const wake of [...wakers]) wake()
    },
    grant: (principal, scopes) => {
      grants.set(principal.id, scopes)
      for (const wake of [...wakers]) wake()
    },
    get pushes() {
      return pushes
    },
    connect: (principal, device = {}) => {
      const faults: Faults = {
        offline: false,
        loseReplies: false,
        failure: null,
        answer: null,
        muteLive: false,
        ...device.faults,
      }
      const calls = { push: 0, pull: 0, live: 0, history: 0 }
      const cutters = new Set<() => void>()
      const unreachable: TransportFailure = { kind: 'unreachable', message: 'no network' }
      async function over<T>(answer: () => T): Promise<T | TransportFailure> {
        await Promise.resolve()
        if (faults.offline) return unreachable
        if (faults.failure !== null) return faults.failure
        const result = answer()
        await Promise.resolve()
        return faults.loseReplies || faults.offline ? unreachable : result
      }
      return {
        faults,
        calls,
        get streams() {
          return cutters.size
        },
        cut: () => {
          for (const cut of [...cutters]) cut()
        },
        push: (request) => {
          calls.push += 1
          return over(() => {
            pushes += 1
            return {
              kind: 'answers' as const,
              answers: request.commands.map((each) => ({
                id: each.id,
                answer: faults.answer ?? decide(principal, request.device, each),
              })),
              now: new Date().toISOString(),
            }
          })
        },
        pull: (request: PullRequest) => {
          calls.pull += 1
          return over(() =>
            page(
              principal,
              request.device,
              request.cursor,
              request.projections,
              { kind: 'awaiting', ids: request.awaiting },
              request.limit ?? pageRows,
            ),
          )
        },
        history: (request) => {
          calls.history += 1
          return over(() => {
            const log = streams.get(request.stream)
            if (log === undefined || request.protocol !== PROTOCOL_VERSION) return { kind: 'unknown' as const }
            return {
              kind: 'history' as const,
              events: log
                .filter((event) => event.version > (request.after ?? 0))
                .map((event) => ({
                  id: event.id,
                  type: event.type,
                  schema: 1,
                  version: event.version,
                  data: event.data as never,
                  principal: event.principal,
                  occurredAt: event.occurredAt,
                  recordedAt: '2026-01-01T00:00:00.000Z',
                })),
              more: false,
            }
          })
        },
        live: async (request, onMessage, signal) => {
          calls.live += 1
          await Promise.resolve()
          if (faults.offline) return unreachable
          if (faults.failure !== null) return faults.failure
          let cursor = request.cursor
          let wake: () => void = () => undefined
          let isOver = false
          const end = (): void => {
            isOver = true
            wake()
          }
          let isDue = true
          const onWake = (): void => {
            isDue = true
            wake()
          }
          wakers.add(onWake)
          cutters.add(end)
          signal.addEventListener('abort', end, { once: true })
          try {
            let isFirst = true
            while (!isOver && !signal.aborted) {
              if (isDue && !faults.muteLive) {
                isDue = false
                let message: LiveMessage = page(
                  principal,
                  request.device,
                  cursor,
                  request.projections,
                  { kind: 'device' },
                  pageRows,
                )
                if (message.reset || message.renews !== undefined || !message.complete) message = { kind: 'pull' }
                else if (message.rows.length + message.removals.length + message.outcomes.length === 0) {
                  if (!isFirst) continue
                  message = { kind: 'beat', now: new Date().toISOString() }
                }
                isFirst = false
                if (message.kind === 'page') ({ cursor } = message)
                await onMessage(message)
                if (message.kind === 'pull') break
                continue
              }
              await new Promise<void>((resolve) => {
                wake = resolve
              })
            }
          } finally {
            wakers.delete(onWake)
            cutters.delete(end)
            signal.removeEventListener('abort', end)
          }
          return faults.offline ? unreachable : { kind: 'ended' }
        },
      }
    },
  }
}
