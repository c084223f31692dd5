import * as z from 'zod'
import { aggregate, defineDomain, event, projection, upcasts, type Principal } from '@tidemark/core'

/**
 * A domain to be checked by: every command carries a tag of its own, and whatever holds its effect holds the tag once.
 * What it refuses once it refuses for ever, so that a command that the server took holds on every earlier state, too.
 */

interface BoardState {
  readonly status: 'new' | 'open' | 'closed'
  /** How often each command's effect is in it. */
  readonly tags: Readonly<Record<string, number>>
}

const tagged = z.object({ tag: z.string() })
/** What the second release asks of an addition besides. */
const sized = z.object({ tag: z.string(), size: z.number() })

const initial = (): BoardState => ({ status: 'new', tags: {} })
const marked = (board: BoardState, tag: string, status = board.status): BoardState => ({
  status,
  tags: counted(board.tags, tag),
})

function counted(tags: Readonly<Record<string, number>>, tag: string): Record<string, number> {
  return { ...tags, [tag]: (tags[tag] ?? 0) + 1 }
}

/** A release of the app. The second one has another schema of an event, of two commands, and of the list. */
function release(number: 1 | 2) {
  const addition =
    number === 1
      ? event(tagged)
      : event(sized, { upcast: upcasts<{ tag: string }>().step(({ tag }) => ({ tag, size: 1 })) })
  const Board = aggregate('board', {
    initial,
    events: { opened: event(tagged), added: addition, noted: event(tagged), closed: event(tagged) },
    evolve: {
      opened: (board, { tag }) => marked(board, tag, 'open'),
      added: (board, { tag }) => marked(board, tag),
      noted: (board, { tag }) => marked(board, tag),
      closed: (board, { tag }) => marked(board, tag, 'closed'),
    },
    commands: (command) => {
      const input = number === 1 ? tagged : sized
      const version =
        number === 1 ? {} : { upcast: upcasts<{ tag: string }>().step(({ tag }) => ({ tag, size: 1 })) as never }
      return {
        open: command(tagged, {
          decide: (board, { tag }, { emit, refuse }) =>
            board.status === 'new' ? emit.opened({ tag }) : refuse('already_open'),
        }),
        add: command(input, {
          ...version,
          decide: (board, given, { emit, refuse }) =>
            board.status === 'open' ? emit.added(given as never) : refuse('not_open'),
        }),
        later: command(input, {
          ...version,
          offline: 'queued',
          decide: (board, given, { emit, refuse }) =>
            board.status === 'open' ? emit.added(given as never) : refuse('not_open'),
        }),
        note: command(tagged, {
          onConflict: 'reject',
          decide: (board, { tag }, { emit, refuse }) =>
            board.status === 'open' ? emit.noted({ tag }) : refuse('not_open'),
        }),
        count: command(tagged, {
          onConflict: 'merge',
          decide: (_board, { tag }, { emit }) => emit.noted({ tag }),
        }),
        close: command(tagged, {
          decide: (board, { tag }, { emit, refuse }) =>
            board.status === 'open' ? emit.closed({ tag }) : refuse('not_open'),
        }),
      }
    },
  })
  const all = ['opened', 'added', 'noted', 'closed'] as const
  const fold = <Row>(step: (row: Row | undefined, tag: string) => Row) =>
    Object.fromEntries(
      all.map((name) => [name, (row: Row | undefined, e: { data: { tag: string } }) => step(row, e.data.tag)]),
    ) as never
  /** One row for each board. */
  const Boards = projection('boards', {
    on: Board,
    version: number,
    row: z.object({ count: z.number(), release: z.number() }),
    fold: fold<{ count: number; release: number }>((row) => ({ count: (row?.count ?? 0) + 1, release: number })),
    indexes: { most: ['-count'] },
  })
  /** One row that all boards fold into. */
  const Tags = projection('tags', {
    on: Board,
    row: z.object({ tags: z.record(z.string(), z.number()) }),
    key: () => 'all',
    fold: fold<{ tags: Record<string, number> }>((row, tag) => ({ tags: counted(row?.tags ?? {}, tag) })),
  })
  return {
    Board,
    Boards,
    Tags,
    domain: defineDomain({ name: 'boards', aggregates: [Board], projections: [Boards, Tags] }),
  }
}

export type Release = ReturnType<typeof release>
export const RELEASES: Readonly<Record<1 | 2, Release>> = { 1: release(1), 2: release(2) }
export const COMMANDS = ['open', 'add', 'later', 'note', 'count', 'close'] as const

export const author: Principal = { id: 'ann', tenant: 'north', name: 'Ann', roles: [] }
export const somebodyElse: Principal = { id: 'bob', tenant: 'north', name: 'Bob', roles: [] }
