import { AssertionError } from 'node:assert'
import { aggregate, event, projection } from '@tidemark/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryHost } from './memory-host.ts'
import { expectRowsOn, reorder, type ProjectionHost } from './projection-scenario.ts'
import { history } from './scenario.ts'

const Account = aggregate('account', {
  initial: () => ({}),
  events: { paidIn: event(z.object({ pence: z.int(), month: z.string() })), closed: event(z.object({})) },
  evolve: { paidIn: (state) => state, closed: (state) => state },
  commands: () => ({}),
})
const Balances = projection('balances', {
  on: Account,
  row: z.object({ pence: z.int() }),
  fold: { paidIn: (row, e) => ({ pence: (row?.pence ?? 0) + e.data.pence }), closed: () => undefined },
})
/** One row for events of many streams. */
const Months = projection('months', {
  on: Account,
  row: z.object({ pence: z.array(z.int()) }),
  key: (e) => (e.data as { month?: string }).month,
  fold: { paidIn: (row, e) => ({ pence: [...(row?.pence ?? []), e.data.pence] }) },
})
const both = [Balances, Months]

const paid = (pence: number, month = 'may') => ['paidIn', { pence, month }] as const
const given = [
  history(Account, 'a', [paid(1), paid(2), paid(3)]),
  history(Account, 'b', [paid(4, 'june'), ['closed', {}], paid(5)]),
  history(Account, 'c', [paid(6), ['closed', {}]]),
]
const balances = { of: Balances, given, rows: { 'account/a': { pence: 6 }, 'account/b': { pence: 5 } } }
const months = { of: Months, given, rows: { may: { pence: [1, 2, 3, 5, 6] }, june: { pence: [4] } } }

test('a projection holds in any order, offered twice, and over a crash at any step', async () => {
  const host = createMemoryHost(both)
  // Three batches of three steps each, and each of them once the last.
  expect(await expectRowsOn(host, balances)).toEqual({ orders: 5, crashes: 9 })
  expect(await expectRowsOn(host, months)).toEqual({ orders: 5, crashes: 9 })
})

test('a wrong expectation never passes', async () => {
  const wrong = [
    { ...balances, rows: {} },
    { ...balances, rows: { ...balances.rows, 'account/a': { pence: 7 } } },
    { ...balances, rows: { ...balances.rows, 'account/c': { pence: 6 } } },
  ]
  for (const scenario of wrong) {
    await expect(expectRowsOn(createMemoryHost(both), scenario)).rejects.toThrow(AssertionError)
  }
})

test.each<readonly [string, (inner: ProjectionHost) => ProjectionHost, RegExp]>([
  [
    'writes what it is offered twice',
    (inner) => {
      let offered = false
      return {
        ...inner,
        work: async (options) => {
          offered ||= options.offerTwice
          await inner.work(options)
        },
        rows: async (tenant, name) => (offered ? { 'account/a': { pence: 12 } } : inner.rows(tenant, name)),
      }
    },
    /^with every batch offered twice: /,
  ],
  [
    'loses what a crash was in the middle of',
    (inner) => {
      let crashed = false
      return {
        ...inner,
        work: async (options) => {
          await inner.work({
            ...options,
            step: () => {
              try {
                options.step()
              } catch (error) {
                crashed = true
                throw error
              }
            },
          })
        },
        rows: async (tenant, name) => (crashed ? {} : inner.rows(tenant, name)),
      }
    },
    /^with a crash at step 1: /,
  ],
])('an engine that %s is found out, by the name of the play', async (_, broken, message) => {
  await expect(expectRowsOn(broken(createMemoryHost(both)), balances)).rejects.toThrow(message)
})

test('a fold that depends on the order of rows that have nothing to do with each other is found out', async () => {
  let folded = 0
  const Numbered = projection('numbered', {
    on: Account,
    row: z.object({ at: z.int() }),
    fold: { paidIn: () => ({ at: ++folded }) },
  })
  const expected = {
    of: Numbered,
    given,
    rows: { 'account/a': { at: 3 }, 'account/b': { at: 5 }, 'account/c': { at: 6 } },
  }
  await expect(expectRowsOn(createMemoryHost([Numbered]), expected)).rejects.toThrow(/^in one batch: /)
})

test('another order keeps that of each stream and of each row, and is the same for the same seed', () => {
  const told = given.flat()
  const orders = Array.from({ length: 20 }, (_, seed) => reorder(Months, told, seed))
  for (const order of orders) {
    expect(order.toSorted((a, b) => told.indexOf(a) - told.indexOf(b))).toEqual(told)
    for (const one of told) {
      for (const other of told.slice(told.indexOf(one) + 1)) {
        const sameRow = Months.key(one) !== undefined && Months.key(one) === Months.key(other)
        if (one.streamId !== other.streamId && !sameRow) continue
        expect(order.indexOf(one)).toBeLessThan(order.indexOf(other))
      }
    }
  }
  expect(new Set(orders.map((order) => order.map((at) => told.indexOf(at)).join())).size).toBeGreaterThan(1)
  expect(reorder(Months, told, 7)).toEqual(reorder(Months, told, 7))
})
