import { isDeepStrictEqual } from 'node:util'
import { PROTOCOL_VERSION, type LiveMessage, type Page } from '@tidemark/core'
import { createPostgresDriver } from '@tidemark/store'
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ann, bob, eve, newId, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, readLive, versions, type Device, type World } from '../fixtures/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

const isPage = (message: LiveMessage): message is Page => message.kind === 'page'

/** Pulls until the page fits; the worker may still be on its way. */
async function pullUntil(device: Device, cursor: string | null, fits: (page: Page) => boolean): Promise<Page> {
  return vi.waitFor(async () => {
    const reply = await device.pull(cursor)
    if (reply.kind !== 'page' || !fits(reply)) throw new Error(`not yet: ${reply.kind}`)
    return reply
  })
}

async function projected(device: Device, stream: string, version: number): Promise<void> {
  await vi.waitFor(async () => {
    const { rows } = await device.sync()
    const state = rows.get(`state:wallet ${stream}`) as { version: number } | undefined
    if (state === undefined || state.version < version) throw new Error('not yet')
  })
}

describe('from push to page', () => {
  test('a pushed command comes back live, its row and its outcome in one page that continues the cursor', async () => {
    const device = await world.device(ann)
    const { cursor } = await device.sync()
    const live = device.live(cursor)
    await live.next()
    const stream = newWallet()
    const command = pushed(stream, 'deposit', { amount: 3 }, { base: { version: 0, after: null } })
    const [answer] = await device.push(command)
    expect(answer).toMatchObject({ id: command.id, answer: { kind: 'accepted', version: 1, rebased: false } })
    const [page] = (await live.until(isPage)).filter(isPage)
    live.close()
    expect(page).toMatchObject({
      since: cursor,
      complete: true,
      reset: false,
      removals: [],
      outcomes: [{ kind: 'accepted', command: command.id, stream, version: 1 }],
    })
    expect(page?.rows).toEqual([
      {
        projection: 'state:wallet',
        key: stream,
        scope: 'tenant',
        row: { version: 1, state: { balance: 3, limit: 0, notes: 0, team: 'tenant', title: '' } },
      },
      { projection: 'wallet-list', key: stream, scope: 'tenant', row: { balance: 3, changedBy: 'ann', title: '' } },
    ])
    expect(await device.pull(page?.cursor)).toMatchObject({ rows: [], outcomes: [], since: page?.cursor })
  })

  test('a refusal, which has no rows, comes live as well', async () => {
    const device = await world.device(ann)
    const live = device.live((await device.sync()).cursor)
    await live.next()
    const command = pushed(newWallet(), 'withdraw', { amount: 1 })
    await device.push(command)
    const [page] = (await live.until(isPage)).filter(isPage)
    live.close()
    expect(page).toMatchObject({
      rows: [],
      outcomes: [{ kind: 'refused', command: command.id, code: 'insufficient', params: { balance: 0 } }],
    })
  })

  test('rows go to everybody in the tenant, outcomes to the device that asked, nothing to other tenants', async () => {
    const [mine, same, other, foreign] = await Promise.all([
      world.device(ann),
      world.device(ann),
      world.device(bob),
      world.device(eve),
    ])
    const at = await Promise.all([mine, same, other, foreign].map(async (device) => (await device.sync()).cursor))
    const stream = newWallet()
    await mine.push(pushed(stream, 'deposit', { amount: 1 }))
    const has = (page: Page): boolean => page.rows.some((row) => row.key === stream)
    expect((await pullUntil(mine, at[0] ?? null, has)).outcomes).toHaveLength(1)
    expect((await pullUntil(same, at[1] ?? null, has)).outcomes).toHaveLength(0)
    expect((await pullUntil(other, at[2] ?? null, has)).outcomes).toHaveLength(0)
    expect(await foreign.pull(at[3])).toMatchObject({ kind: 'page', rows: [], outcomes: [], removals: [] })
  })

  test('outcomes that were missed are told to whoever names them', async () => {
    const device = await world.device(ann)
    const [good, bad] = [pushed(newWallet(), 'deposit', { amount: 1 }), pushed(newWallet(), 'withdraw', { amount: 1 })]
    await device.push(good, bad)
    await projected(device, good.stream, 1)
    const { cursor } = await device.sync()
    expect(await device.pull(cursor)).toMatchObject({ outcomes: [] })
    const reply = await device.pull(cursor, { awaiting: [good.id, bad.id, newId()] })
    expect(reply.kind === 'page' && reply.outcomes.map((outcome) => [outcome.kind, outcome.command]).sort()).toEqual([
      ['accepted', good.id],
      ['refused', bad.id],
    ])
    const nosy = await world.device(bob)
    expect(await nosy.pull(cursor, { awaiting: [good.id, bad.id] })).toMatchObject({ outcomes: [] })
  })

  test('a command that overtook the first pull is in its rows and in its outcomes', async () => {
    const device = await world.device(bob)
    const command = pushed(newWallet(), 'deposit', { amount: 1 })
    await device.push(command)
    await projected(device, command.stream, 1)
    const reply = await device.pull(null)
    expect(reply).toMatchObject({ kind: 'page', reset: true })
    expect(reply.kind === 'page' && reply.outcomes.map((outcome) => outcome.command)).toContain(command.id)
  })

  test('a burst reaches a live reader in a handful of pages, not one per event', async () => {
    const device = await world.device(bob)
    const live = device.live((await device.sync()).cursor)
    await live.next()
    await device.push(...Array.from({ length: 200 }, () => pushed(newWallet(), 'note', { text: 'x' })))
    const seen: Page[] = []
    const told = (): number => seen.reduce((sum, page) => sum + page.outcomes.length, 0)
    while (told() < 200) seen.push(...(await live.until(isPage)).filter(isPage))
    live.close()
    expect(told()).toBe(200)
    expect(seen.length).toBeLessThan(50)
    for (const [index, page] of seen.entries()) if (index > 0) expect(page.since).toBe(seen[index - 1]?.cursor)
  })
})

describe('cursors', () => {
  test('a long first pull goes on page by page, and equals the rows in the end', async () => {
    const device = await world.device(bob)
    const streams = Array.from({ length: 30 }, newWallet)
    await device.push(...streams.map((stream) => pushed(stream, 'deposit', { amount: 2 })))
    await projected(device, streams.at(-1) ?? '', 1)
    const whole = await device.sync()
    const rows = new Map<string, unknown>()
    let cursor: string | null = null
    for (let pages = 0; ; pages++) {
      const reply = await device.pull(cursor, { limit: 7 })
      if (reply.kind !== 'page') throw new Error(reply.kind)
      expect(reply).toMatchObject({ reset: true, since: cursor })
      if (!reply.complete) expect(reply.outcomes).toEqual([])
      for (const { projection, key, row } of reply.rows) rows.set(`${projection} ${key}`, row)
      cursor = reply.cursor
      if (reply.complete) break
      expect(reply.remaining).toBeGreaterThan(0)
    }
    expect(isDeepStrictEqual(rows, whole.rows)).toBe(true)
  })

  test('one that cannot be read, or is of another tenant, gives all rows of the caller and nobody else', async () => {
    const device = await world.device(ann)
    await device.push(pushed(newWallet(), 'deposit', { amount: 1 }))
    const foreign = await world.device(eve)
    const own = pushed(newWallet(), 'deposit', { amount: 1 })
    await foreign.push(own)
    await projected(foreign, own.stream, 1)
    const { cursor } = await device.sync()
    for (const void_ of [cursor, 'rubbish', '', `${cursor.slice(0, -9)}AAAAAAAAA`]) {
      const reply = await foreign.pull(void_)
      expect(reply).toMatchObject({ kind: 'page', reset: true, since: null })
      expect(reply.kind === 'page' && new Set(reply.rows.map((row) => row.key))).toEqual(new Set([own.stream]))
    }
    const live = foreign.live(cursor)
    expect(await live.next()).toEqual({ kind: 'pull' })
    expect(await live.ended).toBe('complete')
  })

  test('one from the middle of a pull that became void does not look continued', async () => {
    const device = await world.device(ann)
    const cut = (await device.sync()).cursor
    const middle = await device.pull(null, { limit: 1 })
    if (middle.kind !== 'page') throw new Error(middle.kind)
    const { 'wallet-list': _, ...fewer } = versions
    expect(await device.pull(middle.cursor, { projections: fewer })).toMatchObject({ reset: true, since: null })
    expect(await device.pull(cut, { projections: fewer })).toMatchObject({ reset: false, since: cut })
  })

  test('one from the middle of a pull cannot be followed live', async () => {
    const device = await world.device(ann)
    const reply = await device.pull(null, { limit: 1 })
    if (reply.kind !== 'page') throw new Error(reply.kind)
    expect(reply.complete).toBe(false)
    expect(await device.live(reply.cursor).next()).toEqual({ kind: 'pull' })
  })

  test('other projection versions renew those projections only', async () => {
    const device = await world.device(ann)
    const command = pushed(newWallet(), 'deposit', { amount: 1 })
    await device.push(command)
    await projected(device, command.stream, 1)
    const { cursor } = await device.sync()
    const { 'wallet-list': _, ...fewer } = versions
    const without = await device.pull(cursor, { projections: fewer })
    expect(without).toMatchObject({ reset: false, renews: { scopes: [], projections: ['wallet-list'] }, rows: [] })
    if (without.kind !== 'page') throw new Error(without.kind)
    const again = await device.pull(without.cursor)
    expect(again).toMatchObject({ reset: false, renews: { scopes: [], projections: ['wallet-list'] } })
    if (again.kind !== 'page') throw new Error(again.kind)
    expect(new Set(again.rows.map((row) => row.projection))).toEqual(new Set(['wallet-list']))
    expect(again.rows.map((row) => row.key)).toContain(command.stream)
    // One that nobody has built says nothing about what the client holds.
    expect(await device.pull(cursor, { projections: { ...versions, other: 3 } })).not.toHaveProperty('renews')
  })

  test('scopes that are granted come whole, page by page, and those that are taken away are named', async () => {
    const device = await world.device(ann)
    const streams = Array.from({ length: 5 }, newWallet)
    await device.push(...streams.map((stream) => pushed(stream, 'deposit', { amount: 1 })))
    await projected(device, streams.at(-1) ?? '', 1)
    await world.restart({ scopesOf: () => ['team:blue'] })
    const { cursor: elsewhere } = await device.sync()
    await world.restart()
    const taken = { scopes: ['tenant', 'team:blue'], projections: [] }
    const renews = { scopes: [...taken.scopes].sort(), projections: [] }
    let cursor = elsewhere
    const keys = new Set<string>()
    for (;;) {
      const reply = await device.pull(cursor, { limit: 3 })
      if (reply.kind !== 'page') throw new Error(reply.kind)
      expect(reply).toMatchObject({ reset: false, since: cursor })
      expect({ ...reply.renews, scopes: [...(reply.renews?.scopes ?? [])].sort() }).toEqual(renews)
      for (const row of reply.rows) keys.add(row.key)
      cursor = reply.cursor
      if (reply.complete) break
    }
    for (const stream of streams) expect(keys).toContain(stream)
    expect(await device.pull(cursor)).not.toHaveProperty('renews')
  })

  test('a client none of whose projection versions will ever be here again must upgrade; one from the future waits', async () => {
    const device = await world.device(ann)
    const { cursor } = await device.sync()
    expect(await device.pull(cursor, { projections: { gone: 1 } })).toEqual({
      kind: 'upgrade',
      protocol: PROTOCOL_VERSION,
    })
    expect(await device.pull(cursor, { projections: {} })).toEqual({ kind: 'upgrade', protocol: PROTOCOL_VERSION })
    expect(await device.pull(cursor, { projections: { 'wallet-list': 9 } })).toMatchObject({
      kind: 'retry',
      reason: 'unavailable',
    })
  })

  test('they outlive the server, and what happened meanwhile is caught up', async () => {
    const device = await world.device(ann)
    const { cursor } = await device.sync()
    const stream = newWallet()
    await device.push(pushed(stream, 'deposit', { amount: 1 }))
    await world.restart()
    const page = await pullUntil(device, cursor, (reply) => reply.rows.length > 0)
    expect(page).toMatchObject({ reset: false, outcomes: [{ kind: 'accepted', stream }] })
    const live = device.live(page.cursor)
    expect(await live.next()).toMatchObject({ kind: 'beat' })
    live.close()
  })

  test('a log that was put back to an older state is noticed: all rows anew, and it goes on', async () => {
    const own = await createWorld()
    try {
      const device = await own.device(ann)
      const stream = newWallet()
      await device.push(pushed(stream, 'deposit', { amount: 1 }))
      await projected(device, stream, 1)
      const before = await device.sync()
      const forgotten = pushed(stream, 'deposit', { amount: 1 })
      await device.push(forgotten)
      await projected(device, stream, 2)
      const lost = await device.sync(before.cursor)
      const sql = createPostgresDriver({
        url: own.databaseUrl,
        maxConnections: 1,
        applicationName: 'test',
        deadlineMs: 5_000,
      })
      const { projections, store, server } = own
      await server.close()
      await projections.close()
      // What a restored dump holds: the older log, its rows and its checkpoint.
      await sql.query(`delete from tidemark.events where position > 1`)
      await sql.query(
        `update tidemark.checkpoints set position = 1, event_id = (select id from tidemark.events where position = 1)`,
      )
      await sql.query(`update tidemark.rows set position = 1, changed = 1`)
      await store.close()
      await own.restart()
      const shorter = await device.pull(lost.cursor)
      expect(shorter).toMatchObject({ kind: 'page', reset: true, restored: true, since: lost.cursor })
      expect(await device.pull(before.cursor)).toMatchObject({ kind: 'page', reset: false })
      await device.push(pushed(stream, 'deposit', { amount: 7 }))
      await vi.waitFor(async () => {
        const reply = await device.pull(lost.cursor)
        expect(reply).toMatchObject({ kind: 'page', reset: true, restored: true })
      })
      // The device offers what this log had accepted once; asked again, it is there once.
      for (const _ of ['offered', 'again'])
        expect(await device.push(forgotten)).toMatchObject([{ answer: { kind: 'accepted', version: 3 } }])
      expect(await device.live(lost.cursor).next()).toEqual({ kind: 'pull' })
      await sql.close(1_000)
    } finally {
      await own.close()
    }
  })
})

describe('scopes', () => {
  test('a row that leaves the scope is told as a removal, without its content, and its history is closed', async () => {
    const own = await createWorld({
      scopesOf: (principal) => (principal.id === 'bob' ? ['tenant', 'team:blue'] : ['tenant']),
    })
    try {
      const [clerk, boss] = [await own.device(ann), await own.device(bob)]
      const stream = newWallet()
      await clerk.push(pushed(stream, 'deposit', { amount: 1 }))
      await projected(clerk, stream, 1)
      const { cursor } = await clerk.sync()
      expect(await clerk.call('history', { protocol: 1, stream })).toMatchObject({ kind: 'history' })
      await boss.push(pushed(stream, 'handOver', { team: 'blue' }))
      const page = await pullUntil(clerk, cursor, (reply) => reply.removals.length > 0)
      expect(page.removals).toEqual([{ projection: 'state:wallet', key: stream }])
      expect(JSON.stringify(page.rows)).not.toContain('blue')
      expect(await clerk.call('history', { protocol: 1, stream })).toEqual({ kind: 'unknown' })
      await vi.waitFor(async () => {
        expect(await boss.call('history', { protocol: 1, stream })).toMatchObject({ kind: 'history', events: [{}, {}] })
      })
    } finally {
      await own.close()
    }
  })
})

describe('history', () => {
  test('gives the events as they were stored, page by page', async () => {
    const device = await world.device(ann)
    const stream = newWallet()
    await device.push(pushed(stream, 'deposit', { amount: 1 }), pushed(stream, 'note', { text: 'hello' }))
    await projected(device, stream, 2)
    expect(await device.call('history', { protocol: 1, stream })).toMatchObject({
      kind: 'history',
      more: false,
      events: [
        { version: 1, type: 'wallet.deposited', data: { amount: 1 }, principal: 'ann' },
        { version: 2, type: 'wallet.noted', data: { text: 'hello' }, principal: 'ann' },
      ],
    })
    expect(await device.call('history', { protocol: 1, stream, after: 1 })).toMatchObject({ events: [{ version: 2 }] })
  })

  test('of a foreign stream, an unknown one and none at all is answered alike', async () => {
    const device = await world.device(ann)
    const stream = newWallet()
    await device.push(pushed(stream, 'deposit', { amount: 1 }))
    await projected(device, stream, 1)
    const foreign = await world.device(eve)
    for (const name of [stream, newWallet(), 'nothing/x', 'no stream at all', '../../etc']) {
      expect(await foreign.call('history', { protocol: 1, stream: name })).toEqual({ kind: 'unknown' })
    }
  })
})

describe('what is no request of the protocol', () => {
  test('a malformed command is answered under its id, and its neighbours land', async () => {
    const device = await world.device(ann)
    const good = pushed(newWallet(), 'deposit', { amount: 1 })
    const commands = [
      { ...good, id: 'not-a-uuid' },
      { ...good, id: newId(), schema: '1' },
      { ...good, id: newId(), occurredAt: 'yesterday' },
      { ...good, id: newId(), stream: 'x'.repeat(300) },
      { ...good, id: { toString: 'x' } },
      null,
      7,
      'text',
      [],
      good,
      { ...good, id: newId(), tenant: 'umbrella', principal: 'root', position: 1, epoch: 'x' },
    ]
    const reply = (await device.call('sync.push', { protocol: 1, device: device.id, commands })) as {
      answers: { id: string; answer: { kind: string; reason?: string } }[]
    }
    expect(reply.answers.map(({ id }) => id)).toEqual(
      commands.map((command) => {
        const id: unknown = (command as { id?: unknown } | null)?.id
        return typeof id === 'string' ? id : ''
      }),
    )
    expect(reply.answers.map(({ answer }) => answer.reason ?? answer.kind)).toEqual([
      ...Array.from({ length: 9 }, () => 'malformed'),
      'accepted',
      'accepted',
    ])
    const [events = []] = await world.store.readStreams([{ tenant: 'acme', stream: good.stream, after: 0 }])
    expect(events.map((event) => [event.tenant, event.principal])).toEqual([
      ['acme', 'ann'],
      ['acme', 'ann'],
    ])
  })

  test.each(['sync.push', 'sync.pull', 'history'])(
    '%s: another version of the protocol is told ours, whatever else it sends',
    async (path) => {
      const device = await world.device(ann)
      for (const protocol of [0, 2, 99]) {
        expect(await device.call(path, { protocol, whatever: true })).toEqual({
          kind: 'upgrade',
          protocol: PROTOCOL_VERSION,
        })
      }
      const noToken = createTRPCUntypedClient({ links: [httpLink({ url: `${world.url}/trpc` })] })
      await expect(noToken.mutation(path, { protocol: 99 })).rejects.toMatchObject({ data: { code: 'UNAUTHORIZED' } })
    },
  )

  test.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['a text', 'x'],
    ['no protocol', { device: newId(), commands: [] }],
    ['no device', { protocol: 1, commands: [] }],
    ['a device that is none', { protocol: 1, device: "'; drop table", commands: [] }],
    ['too many commands', { protocol: 1, device: newId(), commands: Array.from({ length: 201 }, () => ({})) }],
    ['an object for a list', { protocol: 1, device: newId(), commands: { length: 1 } }],
  ])('%s: BAD_REQUEST with issues, no stack, no message of ours or of a library', async (_, input) => {
    const device = await world.device(ann)
    const error = await device.call('sync.push', input).then(
      () => undefined,
      (thrown: unknown) => thrown as TRPCClientError<never>,
    )
    expect(error).toBeInstanceOf(TRPCClientError)
    expect(error?.shape).toEqual({
      message: 'The request does not match the protocol.',
      code: -32600,
      data: {
        code: 'BAD_REQUEST',
        httpStatus: 400,
        issues: expect.arrayContaining([expect.objectContaining({ path: expect.any(String) })]),
      },
    })
  })

  test('a live stream of another protocol is told so in its first message', async () => {
    const live = readLive(world.url, await world.tokenOf(ann), { protocol: 9, cursor: 'x' })
    expect(await live.next()).toEqual({ kind: 'upgrade', protocol: PROTOCOL_VERSION })
    expect(await live.ended).toBe('complete')
  })
})

describe('live streams', () => {
  test('nobody gets one without a token', async () => {
    const live = readLive(world.url, undefined, { protocol: 1, device: newId(), cursor: 'x', projections: {} })
    expect(await live.ended).toMatchObject({ data: { code: 'UNAUTHORIZED', httpStatus: 401 } })
  })

  test('one principal gets so many and no more; one that is closed makes room', async () => {
    await world.restart({ limits: { streamsPerPrincipal: 2 } })
    const device = await world.device(ann)
    const { cursor } = await device.sync()
    const [first, second] = [device.live(cursor), device.live(cursor)]
    await first.next()
    await second.next()
    expect(await device.live(cursor).ended).toMatchObject({ data: { code: 'TOO_MANY_REQUESTS' } })
    const other = await world.device(bob)
    const theirs = other.live((await other.sync()).cursor)
    expect(await theirs.next()).toMatchObject({ kind: 'beat' })
    first.close()
    await vi.waitFor(async () => {
      const again = device.live(cursor)
      await again.next()
      again.close()
    })
    second.close()
    theirs.close()
    await world.restart()
  })
})
