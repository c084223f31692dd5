import {
  WIRE_LIMITS,
  type Page,
  type PushedCommand,
  type Transport,
  type WireOutcome,
  type WireRow,
} from '@tidemark/core'
import type { Item } from '../item.ts'

/** A server in the page that takes every command and gives rows away: no network, no database, no thought. */
export interface KindServer extends Transport {
  online: boolean
  /** Commands are left waiting. */
  holds: boolean
  /** Resolves when so many commands have been left waiting. */
  heldBack(count: number): Promise<void>
  /** Rows come from elsewhere. Resolves when the client has stored them and listens again. */
  deliver(items: readonly Versioned[]): Promise<void>
}

export interface Versioned {
  readonly item: Item
  readonly version: number
}

const PAGE_ROWS = 500
const UNREACHABLE = { kind: 'unreachable', message: 'The bench has pulled the plug.' } as const

export function createKindServer(): KindServer {
  /** A cursor of an earlier page load is of another log: all of this one is news to it. */
  const session = crypto.randomUUID()
  const log: WireRow[] = []
  const outcomes: WireOutcome[] = []
  const known = new Map<string, Versioned>()
  const answers = new Map<string, number>()
  let wake: () => void = () => undefined
  const caughtUp: (() => void)[] = []
  const held = new Set<string>()
  const heldMore: (() => void)[] = []
  let isListening = false

  /** What of the rows and of the outcomes a client has seen. */
  const seenBy = (cursor: string | null): readonly [number, number] => {
    const [of, rows, told] = (cursor ?? '').split(':')
    return of === session ? [Number(rows), Number(told)] : [0, 0]
  }
  const page = (since: string | null, limit: number): Page => {
    const [seen, told] = seenBy(since)
    const rows = log.slice(seen, seen + limit)
    const remaining = log.length - seen - rows.length
    const complete = remaining === 0
    return {
      kind: 'page',
      since,
      cursor: [session, seen + rows.length, complete ? outcomes.length : told].join(':'),
      complete,
      reset: since === null,
      rows,
      removals: [],
      outcomes: complete ? outcomes.slice(told) : [],
      scopes: ['tenant'],
      remaining,
      now: new Date().toISOString(),
    }
  }
  const place = ({ item, version }: Versioned): void => {
    known.set(item.id, { item, version })
    const { id, ...row } = item
    log.push(
      { projection: 'item-list', key: id, scope: 'tenant', row },
      { projection: 'state:item', key: id, scope: 'tenant', row: { version, state: row } },
    )
  }
  const take = (command: PushedCommand): number => {
    const first = answers.get(command.id)
    if (first !== undefined) return first
    const before = known.get(command.stream)
    const version = (before?.version ?? 0) + 1
    const empty: Item = { id: command.stream, title: '', note: '', updatedAt: 0 }
    place({ version, item: { ...(before?.item ?? empty), ...(command.input as Partial<Item>) } })
    outcomes.push({ kind: 'accepted', command: command.id, stream: command.stream, version })
    answers.set(command.id, version)
    return version
  }

  return {
    online: true,
    holds: false,
    async push(request) {
      if (!this.online) return UNREACHABLE
      await Promise.resolve()
      if (this.holds) {
        for (const { id } of request.commands) held.add(id)
        for (const resolve of heldMore.splice(0)) resolve()
        const answer = { kind: 'retry' as const, after: 600_000, reason: 'unavailable' as const }
        return {
          kind: 'answers',
          answers: request.commands.map(({ id }) => ({ id, answer })),
          now: new Date().toISOString(),
        }
      }
      const accepted = request.commands.map((command) => ({
        id: command.id,
        answer: { kind: 'accepted' as const, version: take(command), token: '', rebased: false },
      }))
      wake()
      return { kind: 'answers', answers: accepted, now: new Date().toISOString() }
    },
    async pull(request) {
      if (!this.online) return UNREACHABLE
      await Promise.resolve()
      return page(request.cursor, request.limit ?? PAGE_ROWS)
    },
    history: () => Promise.resolve(UNREACHABLE),
    async live(request, onMessage, signal) {
      if (!this.online) return UNREACHABLE
      let { cursor } = request
      signal.addEventListener('abort', () => wake(), { once: true })
      isListening = true
      await onMessage({ kind: 'beat', now: new Date().toISOString() })
      while (this.online && !signal.aborted) {
        const [seen, told] = seenBy(cursor)
        if (log.length - seen > WIRE_LIMITS.rowsPerPage) {
          await onMessage({ kind: 'pull' })
          break
        }
        if (log.length > seen || outcomes.length > told) {
          const next = page(cursor, WIRE_LIMITS.rowsPerPage)
          ;({ cursor } = next)
          await onMessage(next)
        } else {
          for (const resolve of caughtUp.splice(0)) resolve()
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
      isListening = false
      return this.online ? { kind: 'ended' } : UNREACHABLE
    },
    heldBack: async (count) => {
      while (held.size < count) await new Promise<void>((resolve) => heldMore.push(resolve))
    },
    deliver: (items) => {
      for (const each of items) place(each)
      const done = new Promise<void>((resolve) => {
        caughtUp.push(resolve)
      })
      if (isListening) wake()
      return done
    },
  }
}
