import { randomBytes } from 'node:crypto'
import type { CommandResult, CursorClaims, LiveRequest, PullRequest } from '@tidemark/core'
import type { PageRead, PageSnapshot } from '@tidemark/projections'
import { expect, test } from 'vitest'
import { ann, newId } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'
import { createSealer } from '../seal.ts'
import { createFeed } from './feed.ts'

const live = walletDomain.projections.map(({ name, version }) => ({ name, version }))
const versions = Object.fromEntries(live.map(({ name, version }) => [name, version]))

/** A feed over one snapshot that is always the same. */
function setUp(snapshot: Partial<PageSnapshot> = {}, results: ReadonlyMap<string, CommandResult> = new Map()) {
  const reads: PageRead[] = []
  const sealer = createSealer([{ id: 'k', key: randomBytes(32) }])
  const feed = createFeed({
    domain: walletDomain,
    store: {
      epoch: () => Promise.resolve('e'),
      laneOf: () => Promise.resolve(0),
      head: () => Promise.resolve(5_000),
      results: () => Promise.resolve(results),
    },
    projections: {
      readPage: (read) => {
        reads.push(read)
        return Promise.resolve({
          checkpoint: 100,
          checkpointEventId: 'event-100',
          fromEventId: 'event-90',
          horizon: 0,
          outcomeSeq: 3,
          complete: true,
          remaining: 0,
          projections: live,
          rows: [],
          removals: [],
          outcomes: [],
          last: null,
          ...snapshot,
        })
      },
      liveVersions: () => Promise.resolve(live),
    },
    sealer,
    scopesOf: () => ['tenant'],
    now: Date.now,
  })
  const claims: CursorClaims = {
    epoch: 'e',
    tenant: 'acme',
    lane: 0,
    position: 90,
    eventId: 'event-90',
    outcomeSeq: 1,
    scopes: ['tenant'],
    projections: live.map(({ name, version }) => `${name}@${String(version)}`).toSorted(),
  }
  const request: PullRequest = { protocol: 1, device: newId(), cursor: null, projections: versions, awaiting: [] }
  const liveRequest: LiveRequest = { protocol: 1, device: newId(), cursor: 'c', projections: versions }
  return { feed, sealer, claims, request, liveRequest, reads }
}

test('an outcome that was asked for by name is told only with the rows that show it', async () => {
  const [shown, notYet] = [newId(), newId()]
  const accepted = (position: number): CommandResult => ({
    kind: 'accepted',
    stream: 'wallet/a',
    version: 1,
    lane: 0,
    position,
    hash: '',
  })
  const { feed, request } = setUp(
    {},
    new Map([
      [shown, accepted(100)],
      [notYet, accepted(101)],
    ]),
  )
  expect(await feed.pull(ann, { ...request, awaiting: [shown, notYet] })).toMatchObject({
    outcomes: [{ kind: 'accepted', command: shown }],
  })
})

test('no outcome is told before the cut', async () => {
  const command = newId()
  const refused = {
    kind: 'refused',
    stream: 'wallet/a',
    code: 'x',
    params: {},
    lane: 0,
    position: 1,
    hash: '',
  } as const
  const last = { changed: 50, projection: 'wallet-list', key: 'k' }
  const { feed, request } = setUp({ complete: false, last }, new Map([[command, refused]]))
  expect(await feed.pull(ann, { ...request, awaiting: [command] })).toMatchObject({ complete: false, outcomes: [] })
})

test('an outcome that the snapshot holds and the client asks for is told once', async () => {
  const command = newId()
  const outcome = { kind: 'accepted', command, stream: 'wallet/a', version: 1 } as const
  const result = { kind: 'accepted', stream: 'wallet/a', version: 1, lane: 0, position: 95, hash: '' } as const
  const { feed, request } = setUp({ outcomes: [outcome] }, new Map([[command, result]]))
  expect(await feed.pull(ann, { ...request, awaiting: [command] })).toMatchObject({ outcomes: [outcome] })
})

test('a cursor is read from where it stands, a reset from the start', async () => {
  const { feed, sealer, claims, request, reads } = setUp()
  const cursor = sealer.cursor(claims)
  expect(await feed.pull(ann, { ...request, cursor })).toMatchObject({ reset: false, since: cursor })
  expect(await feed.pull(ann, request)).toMatchObject({ reset: true, since: null })
  expect(reads.map(({ from, full, mark }) => ({ from: from.position, full, mark }))).toEqual([
    { from: 90, full: false, mark: null },
    { from: 4_000, full: true, mark: null },
  ])
})

test.each<readonly [string, Partial<PageSnapshot>, Partial<CursorClaims>, boolean | undefined]>([
  ['the log ends before the cursor', { checkpoint: 80, fromEventId: '' }, {}, true],
  ['another event stands at the cursor', { fromEventId: 'other' }, {}, true],
  ['the cursor is of another epoch', {}, { epoch: 'before' }, true],
  ['the tenant has another lane', {}, { lane: 7 }, undefined],
])('a reset says that accepted commands may be lost when %s: %s', async (_, snapshot, claim, restored) => {
  const { feed, sealer, claims, request } = setUp(snapshot)
  const page = await feed.pull(ann, { ...request, cursor: sealer.cursor({ ...claims, ...claim }) })
  expect(page).toMatchObject({ kind: 'page', reset: true })
  expect(page.kind === 'page' && page.restored).toBe(restored)
})

test('rows that a crash of the database took back are waited for: no reset, and nothing is told as if it were new', async () => {
  const { feed, sealer, claims, request, liveRequest } = setUp({ checkpoint: 80 })
  expect(await feed.pull(ann, { ...request, cursor: sealer.cursor(claims) })).toMatchObject({ kind: 'retry' })
  expect(await feed.follow(ann, liveRequest, 'since', claims)).toEqual({ kind: 'nothing', claims })
})

test('rows that are behind by more than a crash takes back lead to a reset', async () => {
  const { feed, sealer, claims, request } = setUp({ checkpoint: 80, fromEventId: 'event-500000' })
  const far = sealer.cursor({ ...claims, position: 500_000, eventId: 'event-500000' })
  expect(await feed.pull(ann, { ...request, cursor: far })).toMatchObject({ kind: 'page', reset: true })
})

test('a reset says so too where the cursor cannot be read, and never to a device that has none', async () => {
  const { feed, request } = setUp()
  expect(await feed.pull(ann, { ...request, cursor: 'of other keys' })).toMatchObject({ reset: true, restored: true })
  expect(await feed.pull(ann, request)).not.toHaveProperty('restored')
})

test('a cursor from before the removals that are kept leads to a reset, in the middle of a pull too, and to no talk of losses', async () => {
  const { feed, sealer, claims, request } = setUp({ horizon: 91 })
  const page = { changed: 85, projection: 'wallet-list', key: 'k', reset: false }
  for (const cursor of [sealer.cursor(claims), sealer.cursor({ ...claims, page })]) {
    const reply = await feed.pull(ann, { ...request, cursor })
    expect(reply).toMatchObject({ kind: 'page', reset: true })
    expect(reply).not.toHaveProperty('restored')
  }
  const just = setUp({ horizon: 90 })
  const reply = await just.feed.pull(ann, { ...just.request, cursor: just.sealer.cursor(just.claims) })
  expect(reply).toMatchObject({ kind: 'page', reset: false })
})

test.each<readonly [string, Partial<PageSnapshot>]>([
  ['removals since the cursor may be missing', { horizon: 91 }],
  ['another event stands at the cursor', { fromEventId: 'other' }],
  ['there is more than a page', { complete: false, last: { changed: 95, projection: 'wallet-list', key: 'k' } }],
  ['the cursor is thousands of positions behind', { checkpoint: 5_091 }],
  ['other projection versions are live', { projections: live.slice(1) }],
  ['no projection version is live', { projections: [] }],
])('a stream is sent to pull when %s', async (_, snapshot) => {
  const { feed, claims, liveRequest } = setUp(snapshot)
  expect(await feed.follow(ann, liveRequest, 'since', claims)).toEqual({ kind: 'pull' })
})

test('a stream goes on otherwise, and moves on without telling where there is nothing to tell', async () => {
  const quiet = setUp()
  expect(await quiet.feed.follow(ann, quiet.liveRequest, 'since', quiet.claims)).toMatchObject({
    kind: 'nothing',
    claims: { position: 100, eventId: 'event-100', outcomeSeq: 3 },
  })
  const row = { projection: 'wallet-list', key: 'k', scope: 'tenant', row: {}, stale: true, changed: 95 }
  const busy = setUp({ rows: [row] })
  expect(await busy.feed.follow(ann, busy.liveRequest, 'since', busy.claims)).toMatchObject({
    kind: 'page',
    page: {
      since: 'since',
      reset: false,
      rows: [{ projection: 'wallet-list', key: 'k', scope: 'tenant', row: {}, stale: true }],
    },
  })
})

test('where nothing can be read, old versions must upgrade and coming ones wait', async () => {
  const { feed, request } = setUp({ projections: [] })
  const ask = (projections: Record<string, number>) => feed.pull(ann, { ...request, projections })
  expect(await ask({ 'wallet-list': 1 })).toMatchObject({ kind: 'retry' })
  expect(await ask({ 'wallet-list': 2 })).toMatchObject({ kind: 'retry' })
  expect(await ask({ 'wallet-list': 0, gone: 4 })).toEqual({ kind: 'upgrade', protocol: 1 })
})
