import { AssertionError } from 'node:assert'
import { aggregate, event, hasRole, projection, reaction } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { given, givenEvents, history } from './scenario.ts'

const Account = aggregate('account', {
  initial: () => ({ balance: 0 }),
  events: {
    paidIn: event(z.object({ pence: z.int() }), {
      version: 2,
      upcast: { 1: ({ pounds }: { pounds: number }) => ({ pence: pounds * 100 }) },
    }),
    paidOut: event(z.object({ pence: z.int(), receipt: z.string() })),
  },
  evolve: {
    paidIn: (account, e) => ({ balance: account.balance + e.pence }),
    paidOut: (account, e) => ({ balance: account.balance - e.pence }),
  },
  commands: (command) => ({
    payIn: command(z.object({ pence: z.int().nonnegative() }), {
      decide: (_, input, { emit }) => (input.pence === 0 ? [] : emit.paidIn(input)),
    }),
    payOut: command(z.object({ pence: z.int() }), {
      allow: hasRole('teller'),
      decide: (account, { pence }, { emit, refuse, id }) =>
        pence > account.balance
          ? refuse('too_much', { balance: account.balance })
          : emit.paidOut({ pence, receipt: id('receipt') }),
    }),
    fail: command(z.object({}), {
      decide: () => {
        throw new Error('a bug')
      },
    }),
  }),
})

const Balances = projection('balances', {
  on: Account,
  row: z.object({ pence: z.int() }),
  fold: {
    paidIn: (row, e) => ({ pence: (row?.pence ?? 0) + e.data.pence }),
    paidOut: (row, e) => (row?.pence === e.data.pence ? undefined : row && { pence: row.pence - e.data.pence }),
  },
})

const teller = { roles: ['teller'] }

/** What the kit says where the expectation is wrong: no wrong expectation may pass. */
function failing(expectation: () => unknown): void {
  expect(expectation).toThrow(AssertionError)
}

describe('a scenario of an aggregate', () => {
  it('compares exactly the events that the command makes', () => {
    const when = given(Account).when('payIn', { pence: 5 })
    when.thenEvents([['paidIn', { pence: 5 }]]).thenState({ balance: 5 })
    failing(() => when.thenEvents([['paidIn', { pence: 6 }]]))
    failing(() => when.thenEvents([]))
    failing(() =>
      when.thenEvents([
        ['paidIn', { pence: 5 }],
        ['paidIn', { pence: 5 }],
      ]),
    )
    failing(() => when.thenNothing())
    failing(() => when.thenState({ balance: 6 }))
    failing(() => when.thenForbidden())
    failing(() => when.thenInvalid())
  })

  it('gives derived ids to the expectation', () => {
    given(Account, { by: teller })
      .events([['paidIn', { pence: 5 }]])
      .when('payOut', { pence: 5 })
      .thenEvents(({ id }) => [['paidOut', { pence: 5, receipt: id('receipt') }]])
  })

  it('compares the refusal, and its parameters where they are given', () => {
    const when = given(Account)
      .by(teller)
      .events([['paidIn', { pence: 5 }]])
      .when('payOut', { pence: 6 })
    when.thenRefused('too_much')
    when.thenRefused('too_much', { balance: 5 })
    failing(() => when.thenRefused('too_much', { balance: 6 }))
    failing(() => when.thenEvents([]))
    failing(() => when.thenState({ balance: 5 }))
    // @ts-expect-error no such code
    failing(() => when.thenRefused('other'))
  })

  it('tells nothing from a refusal', () => {
    const when = given(Account).when('payIn', { pence: 0 })
    when.thenNothing()
    failing(() => when.thenRefused('anything' as never))
  })

  it('checks rights and input as the server does', () => {
    given(Account).when('payOut', { pence: 1 }).thenForbidden()
    given(Account).when('payIn', { pence: -1 }).thenInvalid()
    // @ts-expect-error no such input
    given(Account).when('payIn', { pounds: 1 }).thenInvalid()
  })

  it('shows an error in the domain as neither of the two', () => {
    const when = given(Account).when('fail', {})
    failing(() => when.thenNothing())
    failing(() => when.thenInvalid())
  })

  it('reads old events through their upcasters', () => {
    given(Account)
      .events([
        ['paidIn', { pounds: 2 }, { schema: 1 }],
        ['paidIn', { pence: 1 }],
      ])
      .thenState({ balance: 201 })
  })

  it('takes no history that could not be in a log', () => {
    expect(() =>
      given(Account)
        .events([['paidIn', { pence: 0.5 }]])
        .thenState({ balance: 0.5 }),
    ).toThrow(/could not be in a log/)
  })
})

describe('a scenario of a projection', () => {
  const events = [
    history(Account, 'a', [
      ['paidIn', { pence: 5 }],
      ['paidOut', { pence: 2, receipt: '' }],
    ]),
    history(Account, 'b', [
      ['paidIn', { pence: 7 }],
      ['paidOut', { pence: 7, receipt: '' }],
    ]),
  ]

  it('compares exactly the rows that the events lead to', () => {
    givenEvents(...events).expectRows(Balances, { 'account/a': { pence: 3 } })
    failing(() => givenEvents(...events).expectRows(Balances, { 'account/a': { pence: 4 } }))
    failing(() => givenEvents(...events).expectRows(Balances, {}))
    failing(() => givenEvents(...events).expectRows(Balances, { 'account/a': { pence: 3 }, 'account/b': { pence: 0 } }))
  })
})

describe('a scenario of a reaction', () => {
  const Bonus = reaction('bonus', {
    on: Account,
    when: (event) => event.principal !== 'nobody',
    react: {
      paidIn: (_, e, { send, before }) =>
        send(
          Account,
          'savings',
          'payOut',
          { pence: e.data.pence + before.balance },
          {
            onRefused: ({ code, params }) =>
              code === 'too_much' && params['balance'] !== undefined
                ? send(Account, 'main', 'payIn', { pence: Number(params['balance']) })
                : undefined,
          },
        ),
    },
  })
  const paid = given(Account).events([
    ['paidIn', { pence: 4 }],
    ['paidIn', { pence: 5 }],
  ])

  it('compares what is sent for the last event, with the state before it', () => {
    const reacts = paid.reacts(Bonus)
    reacts.thenSends(['account/savings', 'payOut', { pence: 9 }])
    failing(() => reacts.thenSends(['account/savings', 'payOut', { pence: 5 }]))
    failing(() => reacts.thenSendsNothing())
  })

  it('follows refusals', () => {
    paid
      .reacts(Bonus)
      .whenRefused('too_much', { balance: 3 })
      .thenSends(['account/main', 'payIn', { pence: 3 }])
    paid.reacts(Bonus).whenRefused('too_much').thenSendsNothing()
    expect(() => paid.reacts(Bonus).whenRefused('too_much', {}, 1)).toThrow('No command was sent at place 1')
  })

  it('leaves out what the reaction leaves out', () => {
    given(Account, { by: { id: 'nobody' } })
      .events([['paidIn', { pence: 4 }]])
      .reacts(Bonus)
      .thenSendsNothing()
    expect(() => given(Account).reacts(Bonus)).toThrow('no event to react to')
  })
})
