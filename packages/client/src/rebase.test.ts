import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideCommand, evolveState, initialState, type CommandDefinition, type VersionedState } from '@tidemark/core'
import { rebaseStream, stateAfter } from './rebase.ts'
import type { PendingRecord, Prediction } from './records.ts'
import { ann, Order, shop } from './test-support/shop-domain.ts'

const decider = { domain: shop, principal: ann }
const STREAM = 'order/1'

type Act = { readonly command: CommandDefinition; readonly input: unknown }
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    command: fc.constant(Order.commands.addLine),
    input: fc.record({ sku: fc.constantFrom('cup', 'pot'), quantity: fc.integer({ min: 1, max: 9 }) }),
  }),
  fc.record({ command: fc.constant(Order.commands.setNote), input: fc.record({ note: fc.constantFrom('a', 'b') }) }),
  fc.record({ command: fc.constant(Order.commands.ship), input: fc.constant({}) }),
  fc.record({ command: fc.constant(Order.commands.place), input: fc.constant({ customer: 'Eve' }) }),
)

function pending(index: number, { command, input }: Act, prediction: Prediction, version = 0): PendingRecord {
  return {
    id: `01900000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    seq: index,
    type: command.type,
    schema: 1,
    stream: STREAM,
    input: input as never,
    occurredAt: '2026-01-01T00:00:00.000Z',
    base: { version, after: null },
    prediction,
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
}

/** What the server does with the same commands on the same state. */
function onServer(
  start: VersionedState,
  commands: readonly PendingRecord[],
): { state: VersionedState; refused: string[] } {
  let state = start
  const refused: string[] = []
  for (const command of commands) {
    const decided = decideCommand({
      aggregate: Order,
      command: shop.commandsByType.get(command.type) as CommandDefinition,
      input: command.input,
      current: state,
      principal: ann,
      commandId: command.id,
      streamId: STREAM,
      occurredAt: command.occurredAt,
    })
    if (decided.kind === 'refused') refused.push(command.id)
    else if (decided.kind === 'events') for (const event of decided.events) state = evolveState(Order, state, event)
  }
  return { state, refused }
}

const apply = (commands: readonly PendingRecord[], changed: readonly PendingRecord[]): PendingRecord[] => {
  const byId = new Map(changed.map((each) => [each.id, each]))
  return commands.map((each) => byId.get(each.id) ?? each)
}

describe('deciding pending commands again', () => {
  test('predicts exactly what the server will do with them on the same state', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 8 }), fc.array(act, { maxLength: 8 }), (theirs, mine) => {
        const none: Prediction = { kind: 'events', events: [] }
        const { state: confirmed } = onServer(
          initialState(Order),
          theirs.map((each, i) => pending(100 + i, each, none)),
        )
        const commands = mine.map((each, i) => pending(i, each, none))
        const after = apply(commands, rebaseStream(decider, Order, confirmed, commands))
        const server = onServer(confirmed, commands)
        expect(stateAfter(Order, confirmed, after)).toEqual(server.state)
        expect(after.filter((each) => each.prediction.kind === 'no-longer-holds').map((each) => each.id)).toEqual(
          server.refused,
        )
      }),
    )
  })

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 8 }), (mine) => {
        const commands = mine.map((each, i) => pending(i, each, { kind: 'events', events: [] }))
        const once = apply(commands, rebaseStream(decider, Order, undefined, commands))
        expect(rebaseStream(decider, Order, undefined, once)).toEqual([])
      }),
    )
  })

  test('leaves out what was set aside, and what follows is decided without it', () => {
    const events: Prediction = { kind: 'events', events: [] }
    const place = {
      ...pending(1, { command: Order.commands.place, input: { customer: 'Eve' } }, events),
      attention: 'a',
    }
    const line = pending(2, { command: Order.commands.addLine, input: { sku: 'cup', quantity: 1 } }, events)
    expect(rebaseStream(decider, Order, undefined, [place, line])).toMatchObject([
      { id: line.id, prediction: { kind: 'no-longer-holds', code: 'not_open' } },
    ])
  })

  test('folds nothing over a state that went out of sight', () => {
    const line = pending(
      1,
      { command: Order.commands.addLine, input: { sku: 'cup', quantity: 1 } },
      { kind: 'events', events: [] },
      3,
    )
    expect(rebaseStream(decider, Order, undefined, [line])).toMatchObject([{ prediction: { kind: 'queued' } }])
  })

  test('keeps the command itself, its base and what its author believed as they were', () => {
    const events: Prediction = { kind: 'events', events: [] }
    const line = pending(1, { command: Order.commands.addLine, input: { sku: 'cup', quantity: 1 } }, events, 1)
    const open = onServer(initialState(Order), [
      pending(9, { command: Order.commands.place, input: { customer: 'Eve' } }, events),
    ]).state
    const [changed] = rebaseStream(decider, Order, open, [line])
    expect({ ...changed, prediction: null }).toEqual({ ...line, prediction: null })
  })

  test.each([
    ['of a newer release', { schema: 7 }, 'newer-schema'],
    ['of a type that is gone', { type: 'order.vanish' }, 'unknown-type'],
    ['from before any upcaster', { schema: 0 }, 'missing-upcaster'],
    ['whose input does not fit', { type: 'order.place', input: { customer: 7 } }, 'invalid-data'],
  ])('a command this code cannot read, %s, is not folded, stays, and says why', (_, part, reason) => {
    const ship = pending(1, { command: Order.commands.ship, input: {} }, { kind: 'events', events: [] })
    expect(rebaseStream(decider, Order, initialState(Order), [{ ...ship, ...part }])).toMatchObject([
      { prediction: { kind: 'no-longer-holds', code: 'cannot_read', params: { reason } } },
    ])
  })
})
