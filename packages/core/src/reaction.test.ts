import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  aggregate,
  byReaction,
  commandsFor,
  event,
  isReactionPrincipalId,
  reaction,
  reactionPrincipal,
} from './index.ts'

const Lamp = aggregate('lamp', {
  initial: () => ({ on: false, times: 0 }),
  events: { lit: event(z.object({ by: z.string() })), out: event(z.object({})) },
  evolve: {
    lit: (lamp) => ({ on: true, times: lamp.times + 1 }),
    out: (lamp) => ({ ...lamp, on: false }),
  },
  commands: (command) => ({
    light: command(z.object({ by: z.string() }), {
      decide: (lamp, input, { emit, refuse }) => (lamp.on ? refuse('lit_already') : emit.lit(input)),
    }),
    douse: command(z.object({}), { onConflict: 'merge', decide: (_, input, { emit }) => emit.out(input) }),
  }),
})

const Echo = reaction('echo', {
  on: Lamp,
  react: {
    lit: (lamp, e, { send, before }) => [
      send(Lamp, 'second', 'light', { by: `${e.data.by} ${before.times}>${lamp.times}` }, { onRefused: 'nothing' }),
      send(Lamp, 'third', 'douse', {}),
    ],
  },
})

const lit = {
  id: '0197b000-0000-7000-8000-000000000001',
  type: 'lamp.lit',
  streamId: 'lamp/first',
  version: 4,
  data: { by: 'ann' },
  occurredAt: '2026-01-01T00:00:00.000Z',
  principal: 'ann',
}
const states = { before: { on: false, times: 2 }, after: { on: true, times: 3 } }

test('an event always leads to the same commands under the same ids, which name event, reaction and place', () => {
  const commands = commandsFor(Echo, lit, states)
  expect(commands).toMatchObject([
    { type: 'lamp.light', stream: 'lamp/second', schema: 1, input: { by: 'ann 2>3' } },
    { type: 'lamp.douse', stream: 'lamp/third', input: {} },
  ])
  expect(commandsFor(Echo, lit, states).map(({ id }) => id)).toEqual(commands.map(({ id }) => id))
  const other = commandsFor({ ...Echo, name: 'other' }, lit, states)
  const later = commandsFor(Echo, { ...lit, id: '0197b000-0000-7000-8000-000000000002' }, states)
  expect(new Set([...commands, ...other, ...later].map(({ id }) => id)).size).toBe(6)
})

test('events without a handler lead to nothing', () => {
  expect(commandsFor(Echo, { ...lit, type: 'lamp.out', data: {} }, states)).toEqual([])
  expect([...Echo.types]).toEqual(['lamp.lit'])
})

test('a reaction acts as a principal of its own, which commands can ask for', () => {
  const principal = reactionPrincipal(Echo, 'acme')
  expect(principal).toEqual({ id: 'reaction:echo', tenant: 'acme', name: 'echo', roles: [] })
  expect(isReactionPrincipalId(principal.id)).toBe(true)
  expect(byReaction('echo')(principal)).toBe(true)
  expect(byReaction('another', 'echo')(principal)).toBe(true)
  expect(byReaction('another')(principal)).toBe(false)
})

test('a reaction to an event that is not declared, or under a bad name, is a mistake that shows at once', () => {
  expect(() => reaction('echo', { on: Lamp, react: { ['gone' as 'lit']: () => undefined } })).toThrow('lamp.gone')
  expect(() => reaction('No Name', { on: Lamp, react: {} })).toThrow('Reaction name')
})
