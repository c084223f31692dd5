import type { Principal } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newWallet, phone, pushed } from '../fixtures/push.ts'

describe('staleness', () => {
  /** A wallet with `own` events of Ann's phone after `seen` ones, and then `foreign` ones. */
  async function wallet(setting: { own?: number; foreign?: readonly (readonly [Principal, string])[] }) {
    const world = setUpPipeline()
    const stream = newWallet()
    await world.push(pushed(stream, 'deposit', { amount: 100 }))
    for (let n = 0; n < (setting.own ?? 0); n++) await world.push(pushed(stream, 'note', { text: 'own' }))
    for (const [principal, device] of setting.foreign ?? []) {
      await world.push(pushed(stream, 'rename', { title: `by ${principal.id} ${device}` }), principal, device)
    }
    return { ...world, stream }
  }
  const base = (version: number, after: string | null = null) => ({ base: { version, after } })

  test('nothing new: decided as it is', async () => {
    const { push, stream } = await wallet({})
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(1)))).toMatchObject({
      kind: 'accepted',
      version: 2,
      rebased: false,
    })
  })

  test('own events never make a command stale', async () => {
    const { push, stream } = await wallet({ own: 3 })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(1)))).toMatchObject({
      kind: 'accepted',
      version: 5,
      rebased: false,
    })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({
      kind: 'accepted',
      version: 6,
      rebased: false,
    })
  })

  test('foreign events count only behind the base', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    await push(pushed(stream, 'note', { text: 'own' }))
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(2)))).toMatchObject({ version: 4, rebased: false })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ version: 5, rebased: true })
  })

  test.each([
    ['another person', bob, phone],
    ['the same person on another device', ann, laptop],
  ])('events of %s do: rebase decides again and says so', async (_, principal, device) => {
    const { push, stream } = await wallet({ foreign: [[principal, device]] })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({
      kind: 'accepted',
      version: 3,
      rebased: true,
    })
  })

  test('reject answers with the current version and exactly the events of others', async () => {
    const { push, stream, events } = await wallet({
      own: 2,
      foreign: [
        [bob, laptop],
        [ann, laptop],
      ],
    })
    const answer = await push(pushed(stream, 'rename', { title: 'mine' }, base(1)))
    expect(answer).toMatchObject({
      kind: 'conflict',
      current: 5,
      theirs: [
        { version: 4, type: 'wallet.renamed', principal: 'bob', data: { title: `by bob ${laptop}` } },
        { version: 5, type: 'wallet.renamed', principal: 'ann' },
      ],
    })
    expect(Object.keys((answer as { theirs: object[] }).theirs[0] as object).sort()).toEqual([
      'data',
      'id',
      'occurredAt',
      'principal',
      'schema',
      'type',
      'version',
    ])
    expect(await events(stream)).toHaveLength(5)
  })

  test('a conflict is not stored: with a renewed base the same command lands', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    const command = pushed(stream, 'rename', { title: 'mine' }, base(1))
    expect(await push(command)).toMatchObject({ kind: 'conflict' })
    expect(await push({ ...command, ...base(2) })).toMatchObject({ kind: 'accepted', version: 3, rebased: false })
  })

  test('of very many foreign events a conflict shows the newest hundred', async () => {
    const { push, pushAll, stream } = await wallet({})
    await pushAll(
      Array.from({ length: 130 }, (_, n) => pushed(stream, 'note', { text: String(n) })),
      bob,
      laptop,
    )
    const answer = await push(pushed(stream, 'rename', { title: 'mine' }, base(1)))
    if (answer.kind !== 'conflict') throw new Error(answer.kind)
    expect(answer.theirs).toHaveLength(100)
    expect(answer.theirs.at(-1)).toMatchObject({ version: 131, data: { text: '129' } })
  })

  test('staleness is known as well when the authors are remembered no more', async () => {
    const { push, stream } = await wallet({})
    for (let n = 0; n < 150; n++)
      await push(pushed(stream, 'note', { text: '' }), n % 2 ? bob : ann, n % 2 ? laptop : phone)
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(1)))).toMatchObject({ rebased: true })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(2)))).toMatchObject({ kind: 'conflict' })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(152)))).toMatchObject({ kind: 'accepted' })
  })

  test('a policy function may reject, rebase or hand in another input, and the stored command stays the original', async () => {
    const { push, stream, events } = await wallet({ foreign: [[bob, laptop]] })
    const limit = (value: number, version: number) =>
      pushed(stream, 'limit', { limit: value }, { schema: 2, ...base(version) })
    expect(await push(limit(-1, 1))).toMatchObject({ kind: 'conflict' })
    expect(await push(limit(20, 1))).toMatchObject({ kind: 'accepted', version: 3, rebased: true })
    const second = pushed(stream, 'limit', { limit: 30 }, { schema: 2, ...base(1) })
    expect(await push(second, bob, phone)).toMatchObject({ kind: 'accepted', version: 4, rebased: true })
    expect((await events(stream))[3]?.data).toEqual({ limit: 50 })
    expect(await push(second, bob, phone)).toMatchObject({ kind: 'accepted', version: 4, rebased: false })
  })

  test("a policy's input that the command does not take is an error of the domain, and not stored", async () => {
    const { push, stream, log, events } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'limit', { limit: 13 }, { schema: 2, ...base(1) }))).toMatchObject({
      reason: 'domain_error',
    })
    expect(log.text()).toContain('wallet.limit')
    expect(await events(stream)).toHaveLength(2)
  })

  test('merge looks at no version, not even one from the future', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'note', { text: 'x' }, base(1)))).toMatchObject({
      kind: 'accepted',
      version: 3,
      rebased: false,
    })
    expect(await push(pushed(stream, 'note', { text: 'x' }, base(99)))).toMatchObject({ kind: 'accepted', version: 4 })
  })

  test('a command queued without a base is decided on whatever is there', async () => {
    const { push, stream } = await wallet({ foreign: [[bob, laptop]] })
    expect(await push(pushed(stream, 'rename', { title: 'x' }))).toMatchObject({
      kind: 'accepted',
      version: 3,
      rebased: false,
    })
  })

  test('a base from the future waits: the log was restored and its events have to come back first', async () => {
    const { push, stream } = await wallet({})
    expect(await push(pushed(stream, 'rename', { title: 'x' }, base(9)))).toMatchObject({
      kind: 'retry',
      reason: 'predecessor',
    })
  })
})
