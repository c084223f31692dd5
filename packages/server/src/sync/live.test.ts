import type { CursorClaims, LiveMessage, Page } from '@tidemark/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createStanding, type AccountOf } from '../auth/standing.ts'
import { ann, createLogBook } from '../fixtures/push.ts'
import type { Feed, Followed } from './feed.ts'
import { liveMessages, type LiveOptions, type LiveSession } from './live.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const claims = (position: number): CursorClaims => ({
  epoch: 'e',
  tenant: 'acme',
  lane: 3,
  position,
  eventId: '',
  outcomeSeq: 0,
  scopes: [],
  projections: [],
})

function page(since: string, cursor: string): Page {
  const now = new Date().toISOString()
  return {
    kind: 'page',
    since,
    cursor,
    complete: true,
    reset: false,
    rows: [],
    removals: [],
    outcomes: [],
    scopes: [],
    remaining: 0,
    now,
  }
}

/** A feed whose log is a counter: `cursor` n has seen n. */
function setUp(
  more: { session?: Partial<LiveSession>; feed?: Partial<Feed>; accountOf?: AccountOf; streams?: number } = {},
) {
  let head = 0
  let looks = 0
  let listener: (() => void) | undefined
  let watched: number | undefined
  const stopping = new AbortController()
  const gone = new AbortController()
  const cut = vi.fn()
  const feed: Feed = {
    pull: () => Promise.reject(new Error('not here')),
    open: (_, cursor) => Promise.resolve(cursor === 'void' ? null : claims(Number(cursor))),
    follow: (_, __, since, from): Promise<Followed> => {
      looks += 1
      return Promise.resolve(
        head > from.position
          ? { kind: 'page', page: page(since, String(head)), claims: claims(head) }
          : { kind: 'nothing', claims: from },
      )
    },
    ...more.feed,
  }
  const standing = createStanding({ accountOf: more.accountOf, now: Date.now, logger: createLogBook() })
  const options: LiveOptions = {
    feed,
    standing,
    open: () => more.streams ?? 1,
    watch: {
      watch: (lane, heard) => {
        watched = lane
        listener = heard
        return () => {
          watched = undefined
        }
      },
      close: () => {},
    },
    logger: createLogBook(),
    now: Date.now,
    random: () => 0.5,
    times: { beatMs: 10_000, slowConsumerMs: 30_000 },
    stopping: stopping.signal,
  }
  const session: LiveSession = {
    principal: ann,
    expiresAt: Date.now() + 86_400_000,
    request: { protocol: 1, device: 'd', cursor: '0', projections: {} },
    gone: gone.signal,
    cut,
    ...more.session,
  }
  const messages = liveMessages(options, session)
  return {
    messages,
    next: async (): Promise<LiveMessage | 'over'> => {
      const { value, done } = await messages.next()
      return done === true ? 'over' : value
    },
    append: (count = 1) => {
      for (let n = 0; n < count; n++) {
        head += 1
        listener?.()
      }
    },
    wake: () => listener?.(),
    stop: () => stopping.abort(),
    leave: () => gone.abort(),
    accountChanged: () => standing.changed(ann),
    cut,
    looks: () => looks,
    watched: () => watched,
  }
}

const request = { protocol: 1, device: 'd', projections: {} }

test('says at once that it is connected: a page where there is one, a beat where not', async () => {
  const quiet = setUp()
  expect(await quiet.next()).toMatchObject({ kind: 'beat' })
  const behind = setUp()
  behind.append()
  expect(await behind.next()).toMatchObject({ kind: 'page', since: '0', cursor: '1' })
})

test('a void cursor is sent to pull, and the stream ends', async () => {
  const { next } = setUp({ session: { request: { ...request, cursor: 'void' } } })
  expect([await next(), await next()]).toEqual([{ kind: 'pull' }, 'over'])
})

test('a resumed stream goes on from the last page it took', async () => {
  const { next, append } = setUp({ session: { request: { ...request, cursor: '0', lastEventId: '2' } } })
  append(3)
  expect(await next()).toMatchObject({ kind: 'page', since: '2', cursor: '3' })
})

test('a burst is one page, and costs one look', async () => {
  const { next, append, looks } = setUp()
  await next()
  const before = looks()
  const waiting = next()
  append(100)
  expect(await waiting).toMatchObject({ kind: 'page', since: '0', cursor: '100' })
  expect(looks()).toBe(before + 1)
  const beat = next()
  await vi.advanceTimersByTimeAsync(9_000)
  expect(looks()).toBe(before + 1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await beat).toMatchObject({ kind: 'beat' })
})

test('what comes while a page is being read or taken is not lost', async () => {
  let during: (() => void) | undefined
  let heads = [1, 2]
  const { next, wake } = setUp({
    feed: {
      follow: (_, __, since, from) => {
        const head = heads[0] ?? 2
        heads = heads.slice(1)
        during?.()
        return Promise.resolve(
          head > from.position
            ? { kind: 'page', page: page(since, String(head)), claims: claims(head) }
            : { kind: 'nothing', claims: from },
        )
      },
    },
  })
  during = wake
  expect(await next()).toMatchObject({ cursor: '1' })
  during = undefined
  expect(await next()).toMatchObject({ since: '1', cursor: '2' })
})

test('a quiet stream beats, and looks each time before it says so', async () => {
  const { next, looks } = setUp()
  await next()
  const beat = next()
  await vi.advanceTimersByTimeAsync(9_999)
  expect(looks()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(await beat).toMatchObject({ kind: 'beat' })
  expect(looks()).toBe(2)
})

test('when the server goes away, the stream says when to come back, and ends', async () => {
  const { next, stop, watched } = setUp()
  await next()
  const waiting = next()
  stop()
  expect(await waiting).toEqual({ kind: 'reconnect', after: 1_250 })
  expect(await next()).toBe('over')
  expect(watched()).toBeUndefined()
})

test('the more streams a server had, the longer they are spread, up to a minute', async () => {
  const hint = async (streams: number): Promise<LiveMessage | 'over'> => {
    const { next, stop } = setUp({ streams })
    stop()
    return next()
  }
  expect(await hint(1_000)).toEqual({ kind: 'reconnect', after: 1_250 })
  expect(await hint(10_000)).toEqual({ kind: 'reconnect', after: 10_250 })
  expect(await hint(1_000_000)).toEqual({ kind: 'reconnect', after: 30_250 })
})

test('an account that is taken away ends its stream at once', async () => {
  let roles: readonly string[] | undefined = ['clerk']
  const { next, accountChanged, watched } = setUp({
    accountOf: () => Promise.resolve(roles && { name: 'Ann', roles }),
  })
  expect(await next()).toMatchObject({ kind: 'beat' })
  const waiting = next()
  roles = undefined
  accountChanged()
  expect(await waiting).toEqual({ kind: 'reconnect', after: 0 })
  expect(await next()).toBe('over')
  expect(watched()).toBeUndefined()
})

test('rights that change are those of the next look; where nobody tells, that is the next beat', async () => {
  let roles = ['clerk']
  const looked: (readonly string[])[] = []
  const { next, accountChanged } = setUp({
    accountOf: () => Promise.resolve({ name: 'Ann', roles }),
    feed: {
      follow: (principal, _, __, from) => {
        looked.push(principal.roles)
        return Promise.resolve({ kind: 'nothing', claims: from })
      },
    },
  })
  await next()
  const beat = next()
  roles = ['manager']
  accountChanged()
  await vi.advanceTimersByTimeAsync(0)
  expect(looked).toEqual([['clerk'], ['manager']])
  roles = ['auditor']
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await beat).toMatchObject({ kind: 'beat' })
  expect(looked.at(-1)).toEqual(['auditor'])
})

test('a stream does not outlive the token it was opened with', async () => {
  const { next } = setUp({ session: { expiresAt: Date.now() + 5_000 } })
  await next()
  const waiting = next()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await waiting).toEqual({ kind: 'reconnect', after: 0 })
  expect(await next()).toBe('over')
})

test('a consumer that takes nothing for too long is cut, one that takes its time is not', async () => {
  const { next, append, cut } = setUp()
  await next()
  await vi.advanceTimersByTimeAsync(29_999)
  expect(cut).not.toHaveBeenCalled()
  append()
  await next()
  await vi.advanceTimersByTimeAsync(29_999)
  expect(cut).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(cut).toHaveBeenCalledOnce()
})

test('a quiet stream that is waited for is never cut', async () => {
  const { next, cut } = setUp()
  for (let beats = 0; beats < 10; beats++) {
    const message = next()
    await vi.advanceTimersByTimeAsync(10_000)
    await message
  }
  expect(cut).not.toHaveBeenCalled()
})

test('when the consumer has gone, the stream ends and listens no more', async () => {
  const { next, leave, watched } = setUp()
  await next()
  expect(watched()).toBe(3)
  const waiting = next()
  leave()
  expect(await waiting).toBe('over')
  expect(watched()).toBeUndefined()
})

test('a consumer that is let go between two messages is forgotten as well', async () => {
  const { messages, next, watched, cut } = setUp()
  await next()
  await messages.return()
  expect(watched()).toBeUndefined()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(cut).not.toHaveBeenCalled()
})

test('what falls too far behind is sent to pull', async () => {
  const { next } = setUp({ feed: { follow: () => Promise.resolve({ kind: 'pull' }) } })
  expect([await next(), await next()]).toEqual([{ kind: 'pull' }, 'over'])
})

test('a database that fails for a moment is asked again; one that goes on failing ends the stream', async () => {
  let failing = 2
  const { next } = setUp({
    feed: {
      follow: (_, __, since) =>
        failing-- > 0
          ? Promise.reject(new Error('down'))
          : Promise.resolve({ kind: 'page', page: page(since, '1'), claims: claims(1) }),
    },
  })
  const recovered = next()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(await recovered).toMatchObject({ kind: 'page' })
  failing = 99
  const ends = next()
  await vi.advanceTimersByTimeAsync(13_000)
  // With a second to recover, and not all at once.
  expect(await ends).toEqual({ kind: 'reconnect', after: 2_000 })
  expect(await next()).toBe('over')
})
