import type { DomainEvent } from '@tidemark/core'
import type { SyncedState } from '../../tidemark-client.ts'
import type { PendingCommand } from '../../work.ts'

/** What a tab shows at one moment. */
export interface Frame {
  readonly tab: string
  readonly pending: readonly PendingCommand[]
  /** By board; those that are in memory. */
  readonly states: ReadonlyMap<string, SyncedState<Tagged>>
  /** Tags in the row that all boards fold into; `undefined` while it is not in memory. */
  readonly all: Readonly<Record<string, number>> | undefined
  /** The `count` of each board's own row. */
  readonly counts: ReadonlyMap<string, number>
}

interface Tagged {
  readonly tags: Readonly<Record<string, number>>
}

/** The simple model: what was promised about each command, and what must be seen of it at every moment. */
export interface Oracle {
  /** The first thing that was not as it must be. */
  readonly violation: string | null
  fail(rule: string, what: string): void
  /** A person wrote it on a board in a tab; in this order. */
  written(tab: string, board: string, tag: string): void
  /** What `dispatch` said, where its tab was still there to hear it. */
  answered(tag: string, kind: string): void
  /** A person decides about these: they may go, or be replaced. */
  decided(tags: readonly string[], replacement: { readonly of: string; readonly by: string } | null): void
  /** The server's log as it is. */
  accepted(board: string, events: readonly DomainEvent[]): void
  /** The server was put back to an older state, or the device has lost what it keeps for that case. */
  putBack(): void
  forgotten(): void
  see(frame: Frame): void
  /** All is quiet: every command that was stored is in the log, once and in order, or in `pending`, or was decided on. */
  conclude(boards: ReadonlyMap<string, readonly DomainEvent[]>, pending: ReadonlySet<string>): void
}

/** What a tab showed last. */
interface Seen {
  readonly pending: ReadonlyMap<string, PendingCommand>
  /** Tags that no pending command has, by board. */
  readonly confirmed: ReadonlyMap<string, ReadonlySet<string>>
}

/** Causes that leave it open whether the command is shown: the server, or one before it, has the word. */
const OPEN_CAUSES = new Set(['sending', 'blocked', 'awaiting-outcome', 'attention', 'no-longer-holds'])

export function createOracle(): Oracle {
  let violation: string | null = null
  const order = new Map<string, string[]>()
  const results = new Map<string, string>()
  const decided = new Set<string>()
  /** Everything the server ever accepted. */
  const accepted = new Set<string>()
  /** Accepted, and no device can offer it again. */
  const unoffered = new Set<string>()
  let isPutBack = false
  const seen = new Map<string, Seen>()

  function fail(rule: string, what: string): void {
    violation ??= `${rule}: ${what}`
  }

  function see(frame: Frame): void {
    const before: Seen = seen.get(frame.tab) ?? { pending: new Map(), confirmed: new Map() }
    const commands = new Map(frame.pending.map((each) => [tagOf(each), each]))
    for (const [tag, { queued }] of before.pending) {
      const isExplained = accepted.has(tag) || decided.has(tag) || results.get(tag) !== 'stored'
      const now = commands.get(tag)
      if (now === undefined && !isExplained) fail('I10', `${frame.tab} lost sight of ${tag}`)
      if (now?.queued === true && !queued && !isPutBack) fail('I9', `${frame.tab} shows ${tag} as done no more`)
    }
    const confirmed = new Map(before.confirmed)
    for (const [board, { state, pending }] of frame.states) {
      const here = [...commands].filter(([, each]) => each.stream === board)
      for (const [tag, times] of Object.entries(state.tags)) {
        if (times !== 1) fail('I9', `${frame.tab} shows ${tag} ${String(times)} times`)
        if (!commands.has(tag) && !accepted.has(tag))
          fail('I10', `${frame.tab} shows ${tag}, which is neither pending nor accepted`)
      }
      for (const [tag, each] of here) {
        const isShown = tag in state.tags
        const isSetAside = each.cause.kind === 'attention'
        if (!isShown && !each.queued && !OPEN_CAUSES.has(each.cause.kind))
          fail('I9', `${frame.tab} does not show ${tag} (${each.cause.kind})`)
        if (!isShown && !each.queued && !isSetAside && accepted.has(tag) && !isPutBack)
          fail('I9', `${frame.tab} does not show ${tag}, which the server has accepted (${each.cause.kind})`)
        if (isShown && (isSetAside || each.queued) && !isPutBack)
          fail('I9', `${frame.tab} shows ${tag} as done (${each.cause.kind})`)
      }
      const folded = here.filter(([tag, each]) => tag in state.tags && !each.queued && each.cause.kind !== 'attention')
      if (folded.length !== pending && !isPutBack)
        fail(
          'I9',
          `${frame.tab} says that ${String(pending)} are pending in ${board}, and shows ${String(folded.length)}`,
        )
      const settled = new Set(Object.keys(state.tags).filter((tag) => !commands.has(tag)))
      if (!isPutBack) {
        for (const tag of before.confirmed.get(board) ?? [])
          if (!(tag in state.tags)) fail('I9', `${frame.tab} has shown ${tag} as confirmed and shows it no more`)
      }
      confirmed.set(board, settled)
      const count = frame.counts.get(board)
      if (count !== undefined && count !== Object.keys(state.tags).length)
        fail('I9', `${frame.tab} shows ${String(count)} in the row of ${board}, and another number in its state`)
      for (const tag of frame.all === undefined ? [] : Object.keys(state.tags))
        if (frame.all?.[tag] !== 1)
          fail('I9', `${frame.tab} shows ${tag} on its board and ${String(frame.all?.[tag])} times in the row of all`)
    }
    seen.set(frame.tab, { pending: commands, confirmed })
  }

  return {
    get violation() {
      return violation
    },
    fail,
    written: (tab, board, tag) => {
      const at = `${tab} ${board}`
      order.set(at, [...(order.get(at) ?? []), tag])
    },
    answered: (tag, kind) => results.set(tag, kind),
    decided: (tags, replacement) => {
      for (const tag of tags) decided.add(tag)
      if (replacement === null) return
      for (const tags of order.values()) {
        const place = tags.indexOf(replacement.of)
        if (place >= 0) tags.splice(place + 1, 0, replacement.by)
      }
    },
    accepted: (board, events) => {
      const found = new Set<string>()
      for (const [index, event] of events.entries()) {
        const { tag } = event.data as { tag: string }
        if (found.has(tag)) fail('I3', `${tag} is in the log twice`)
        if (event.version !== index + 1)
          fail('I1', `${board} has version ${String(event.version)} at ${String(index + 1)}`)
        found.add(tag)
        accepted.add(tag)
      }
    },
    putBack: () => {
      isPutBack = true
    },
    forgotten: () => {
      for (const tag of accepted) unoffered.add(tag)
    },
    see,
    conclude: (boards, pending) => {
      const places = new Map<string, number>()
      for (const events of boards.values()) {
        for (const [place, event] of events.entries()) places.set((event.data as { tag: string }).tag, place)
      }
      for (const [tag, kind] of results) {
        const isSafe = places.has(tag) || pending.has(tag) || decided.has(tag) || (isPutBack && unoffered.has(tag))
        if (kind === 'stored' && !isSafe) fail('I4', `${tag} was stored, and is gone`)
        if (kind === 'storage' && (places.has(tag) || pending.has(tag)))
          fail('I4', `${tag} was taken back, and is there`)
      }
      for (const [at, tags] of order) {
        const landed = tags.flatMap((tag) => places.get(tag) ?? [])
        if (landed.some((place, index) => place < (landed[index - 1] ?? -1)))
          fail('C12', `${at}: ${tags.filter((tag) => places.has(tag)).join(' ')} landed in another order`)
      }
    },
  }
}

export function tagOf(command: Pick<PendingCommand, 'input'>): string {
  return (command.input as { tag: string }).tag
}
