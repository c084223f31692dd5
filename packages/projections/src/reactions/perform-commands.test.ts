import type { PushAnswer, PushedCommand, ReactionCommand } from '@tidemark/core'
import { expect, test } from 'vitest'
import { createRunGuarded } from '../run-guarded.ts'
import { performCommands, type PerformContext } from './perform-commands.ts'

const id = (n: number): string => `0197b000-0000-7000-8000-${String(n).padStart(12, '0')}`

const command = (n: number, onRefused: ReactionCommand['onRefused'] = 'nothing'): ReactionCommand => ({
  kind: 'sent',
  id: id(n),
  type: `thing.do${n}`,
  schema: 1,
  stream: 'thing/1',
  input: {},
  onRefused,
})

const accepted: PushAnswer = { kind: 'accepted', version: 1, token: '', rebased: false }
const refused: PushAnswer = { kind: 'refused', code: 'no', params: { free: 2 } }
const busy = (reason: 'unavailable' | 'overloaded', after = 7): PushAnswer => ({ kind: 'retry', after, reason })

/** A pipeline that answers by command type, each time with the next answer; the last one stays. */
function setUp(answers: Record<string, PushAnswer[]>, more: Partial<PerformContext> = {}) {
  const pushed: PushedCommand[] = []
  const pauses: number[] = []
  const context: PerformContext = {
    principal: { id: 'reaction:r', tenant: 'acme', name: 'r', roles: [] },
    device: id(0),
    occurredAt: '2026-01-01T00:00:00.000Z',
    random: () => 0,
    runGuarded: createRunGuarded(500),
    isReachable: async () => true,
    onRetry: () => {},
    pause: async (ms) => {
      pauses.push(ms)
      return true
    },
    push: async (_principal, _device, commands) => {
      pushed.push(...commands)
      return commands.map((one) => {
        const list = answers[one.type] ?? [accepted]
        return { id: one.id, answer: (list.length > 1 ? list.shift() : list[0]) as PushAnswer }
      })
    },
    ...more,
  }
  return { context, pushed, pauses, types: () => pushed.map(({ type }) => type) }
}

test('all commands of an event are sent, at the time of the event and without a base', async () => {
  const { context, pushed } = setUp({})
  expect(await performCommands(context, [command(1), command(2)])).toEqual({ kind: 'done' })
  expect(pushed).toMatchObject([
    { id: id(1), base: null, occurredAt: '2026-01-01T00:00:00.000Z' },
    { id: id(2), base: null },
  ])
})

test('a refusal without a follow-up is a result like any other', async () => {
  const { context, types } = setUp({ 'thing.do1': [refused] })
  expect(await performCommands(context, [command(1)])).toEqual({ kind: 'done' })
  expect(types()).toEqual(['thing.do1'])
})

test('a follow-up hears code and parameters, and has an id that follows from the refused command’s', async () => {
  const ids = new Set<string>()
  for (let time = 0; time < 2; time++) {
    const { context, pushed } = setUp({ 'thing.do1': [refused] })
    const first = command(1, ({ code, params }) => ({ ...command(2), input: { code, free: params['free'] ?? 0 } }))
    expect(await performCommands(context, [first])).toEqual({ kind: 'done' })
    expect(pushed[1]).toMatchObject({ type: 'thing.do2', input: { code: 'no', free: 2 } })
    ids.add(pushed[1]?.id ?? '')
  }
  expect(ids.size).toBe(1)
  expect(ids).not.toContain(id(1))
})

test('a chain of refused follow-ups ends', async () => {
  const { context, types } = setUp({ 'thing.do1': [refused] })
  const again = command(1, () => again)
  expect(await performCommands(context, [again])).toMatchObject({ kind: 'parked', cause: { reason: 'failed' } })
  expect(types()).toHaveLength(9)
})

test('what the pipeline cannot take now is asked again under its id, and nothing else is', async () => {
  const { context, pushed, pauses } = setUp({ 'thing.do2': [busy('unavailable', 300), accepted] })
  expect(await performCommands(context, [command(1), command(2)])).toEqual({ kind: 'done' })
  expect(pushed.map((one) => one.id)).toEqual([id(1), id(2), id(2)])
  expect(pauses).toEqual([300])
})

test('an outage of everything is waited out, however long; a command that alone does not get through is set aside', async () => {
  let tries = 0
  const outage = setUp(
    { 'thing.do1': [busy('unavailable')] },
    { isReachable: async () => false, pause: async () => ++tries < 40 },
  )
  expect(await performCommands(outage.context, [command(1)])).toEqual({ kind: 'interrupted' })
  expect(tries).toBe(40)
  const alone = setUp({ 'thing.do1': [busy('unavailable')] })
  expect(await performCommands(alone.context, [command(1)])).toMatchObject({
    kind: 'parked',
    cause: { reason: 'exhausted', message: expect.stringContaining('"unavailable" 12 times') },
  })
})

test('overload is waited out as well', async () => {
  let tries = 0
  const { context } = setUp({ 'thing.do1': [busy('overloaded')] }, { pause: async () => ++tries < 40 })
  expect(await performCommands(context, [command(1)])).toEqual({ kind: 'interrupted' })
  expect(tries).toBe(40)
})

test.each([
  [{ kind: 'forbidden' }, 'is not allowed to reaction:r'],
  [{ kind: 'invalid', reason: 'invalid_input', issues: [{ path: 'pieces', message: 'too few' }] }, 'pieces: too few'],
  [{ kind: 'invalid', reason: 'command_reused', issues: [] }, 'other code has answered this event'],
] as const)('%j parks the event, and the commands beside it are executed', async (answer, message) => {
  const { context, types } = setUp({ 'thing.do1': [answer as unknown as PushAnswer] })
  expect(await performCommands(context, [command(1), command(2)])).toMatchObject({
    kind: 'parked',
    cause: { reason: 'rejected', message: expect.stringContaining(message) },
  })
  expect(types()).toEqual(['thing.do1', 'thing.do2'])
})
