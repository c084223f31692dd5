import {
  PROTOCOL_VERSION,
  type Domain,
  type DomainEvent,
  type LiveMessage,
  type OtherInstallation,
  type Page,
  type Principal,
  type PullRequest,
  type PushAnswer,
  type PushedCommand,
  type Transport,
  type TransportFailure,
} from '@tidemark/core'
import { createMemoryFeed } from './memory-feed.ts'
import { createMemoryLog } from './memory-log.ts'

/** The rules of the sync protocol, run in memory over a real domain: decides, projects, pages, streams. */
export interface MemorySyncServer {
  connect(principal: Principal, device?: { faults?: Partial<Faults> }): ServerLink
  /** Events of a stream. */
  events(stream: string): readonly DomainEvent[]
  /** Rows of a projection by key. */
  rows(projection: string): ReadonlyMap<string, unknown>
  /** A command of somebody else, straight to the log. */
  act(principal: Principal, command: Pick<PushedCommand, 'type' | 'stream' | 'input'> & { schema?: number }): PushAnswer
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
  /** The server answers every command with this, or those that it is given for. */
  answer: PushAnswer | ((command: PushedCommand) => PushAnswer | null) | null
  /** A push with such a command in it fails as a whole; `silence`: it is given up long after a live stream is up. */
  breaksOn: ((command: PushedCommand) => TransportFailure | 'silence' | null) | null
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

const PAGE_ROWS = 500

export function createMemorySyncServer(domain: Domain, options: { pageRows?: number } = {}): MemorySyncServer {
  const pageRows = options.pageRows ?? PAGE_ROWS
  const feed = createMemoryFeed(domain)
  const log = createMemoryLog(domain, (settled) => feed.settled(settled))
  let pushes = 0
  /** What devices have said of their unsent work, by principal. */
  const devices = new Map<string, Map<string, OtherInstallation>>()
  const devicesOf = ({ tenant, id }: Principal): Map<string, OtherInstallation> => {
    const known = devices.get(`${tenant}/${id}`) ?? new Map<string, OtherInstallation>()
    devices.set(`${tenant}/${id}`, known)
    return known
  }
  const note = (principal: Principal, device: string, unsent: number): void =>
    void devicesOf(principal).set(device, { device, unsent, seenAt: '2026-01-01T00:00:00.000Z' })
  const withElsewhere = (principal: Principal, request: PullRequest, page: Page): Page => {
    if (request.cursor !== null) return page
    const others = [...devicesOf(principal).values()]
    const elsewhere = others.filter(({ device, unsent }) => device !== request.device && unsent > 0)
    return elsewhere.length === 0 ? page : { ...page, elsewhere }
  }

  return {
    events: (stream) => log.events(stream) ?? [],
    rows: feed.rows,
    act: (principal, command) => {
      const suffix = String(log.size).padStart(12, '0')
      return log.decide(principal, 'another-device', {
        schema: 1,
        ...command,
        id: `01900000-0000-7000-8000-${suffix}`,
        occurredAt: '2026-01-01T00:00:00.000Z',
        base: null,
      })
    },
    hold: feed.hold,
    release: feed.release,
    forgetCursors: feed.forgetCursors,
    grant: feed.grant,
    backUp: () => {
      const putBack = [log.backUp(), feed.backUp()]
      return () => {
        for (const each of putBack) each()
      }
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
        breaksOn: null,
        muteLive: false,
        ...device.faults,
      }
      const calls = { push: 0, pull: 0, live: 0, history: 0 }
      const cutters = new Set<() => void>()
      const unreachable: TransportFailure = { kind: 'unreachable', message: 'no network' }
      const streaming = new Set<() => void>()
      function whenStreaming(): Promise<void> {
        return cutters.size > 0 ? Promise.resolve() : new Promise((resolve) => streaming.add(resolve))
      }
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
        push: async (request) => {
          calls.push += 1
          const broken = request.commands.flatMap((each) => faults.breaksOn?.(each) ?? [])[0]
          if (broken === 'silence') return await whenStreaming().then(() => unreachable)
          if (broken !== undefined) return await over(() => broken)
          return await over(() => {
            pushes += 1
            const said = (each: PushedCommand): PushAnswer | null => {
              const answer = typeof faults.answer === 'function' ? faults.answer(each) : faults.answer
              // What has a result gets no other one; it may have to be asked for again.
              return answer?.kind !== 'retry' && log.has(principal, each.id) ? null : answer
            }
            const answers = request.commands.map((each) => ({
              id: each.id,
              answer: said(each) ?? log.decide(principal, request.device, each),
            }))
            const left = answers.filter(({ answer: { kind } }) => kind !== 'accepted' && kind !== 'refused')
            note(principal, request.device, (request.unsent ?? 0) + left.length)
            return { kind: 'answers' as const, answers, now: new Date().toISOString() }
          })
        },
        pull: (request: PullRequest) => {
          calls.pull += 1
          return over(() => {
            note(principal, request.device, request.unsent ?? 0)
            const page = feed.page({
              principal,
              device: request.device,
              cursor: request.cursor,
              projections: request.projections,
              wanted: { kind: 'awaiting', ids: request.awaiting },
              limit: request.limit ?? pageRows,
            })
            return withElsewhere(principal, request, page)
          })
        },
        history: (request) => {
          calls.history += 1
          return over(() => {
            const events = log.events(request.stream)
            if (events === undefined || request.protocol !== PROTOCOL_VERSION) return { kind: 'unknown' as const }
            return {
              kind: 'history' as const,
              events: events
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
          const stopNews = feed.onNews(onWake)
          cutters.add(end)
          signal.addEventListener('abort', end, { once: true })
          try {
            let isFirst = true
            while (!isOver && !signal.aborted) {
              if (isDue && !faults.muteLive) {
                isDue = false
                let message: LiveMessage = feed.page({
                  principal,
                  device: request.device,
                  cursor,
                  projections: request.projections,
                  wanted: { kind: 'device' },
                  limit: pageRows,
                })
                if (message.reset || message.renews !== undefined || !message.complete) message = { kind: 'pull' }
                else if (message.rows.length + message.removals.length + message.outcomes.length === 0) {
                  if (!isFirst) continue
                  message = { kind: 'beat', now: new Date().toISOString() }
                }
                isFirst = false
                if (message.kind === 'page') ({ cursor } = message)
                await onMessage(message)
                for (const tell of streaming) tell()
                streaming.clear()
                if (message.kind === 'pull') break
                continue
              }
              await new Promise<void>((resolve) => {
                wake = resolve
              })
            }
          } finally {
            stopNews()
            cutters.delete(end)
            signal.removeEventListener('abort', end)
          }
          return faults.offline ? unreachable : { kind: 'ended' }
        },
      }
    },
  }
}
