import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { connectionOf } from './connection.ts'
import { backoff, mayPush, nextSyncStep, type SyncEvent, type SyncState } from './sync-state.ts'

const STATES: Record<SyncState['kind'], SyncState> = {
  idle: { kind: 'idle' },
  pulling: { kind: 'pulling', failures: 2, shown: 'offline' },
  connecting: { kind: 'connecting', failures: 2, shown: 'connecting' },
  live: { kind: 'live' },
  waiting: { kind: 'waiting', failures: 2, shown: 'offline' },
  closed: { kind: 'closed' },
}

type EventName = Exclude<SyncEvent['kind'], 'failed'> | 'unreachable' | 'unauthenticated' | 'unavailable' | 'unreadable'
const EVENTS: Record<EventName, SyncEvent> = {
  lead: { kind: 'lead' },
  follow: { kind: 'follow' },
  pulled: { kind: 'pulled' },
  message: { kind: 'message' },
  'pull-due': { kind: 'pull-due' },
  ended: { kind: 'ended' },
  'come-back': { kind: 'come-back', after: 700 },
  busy: { kind: 'busy', after: 900 },
  upgrade: { kind: 'upgrade' },
  'storage-failed': { kind: 'storage-failed' },
  wake: { kind: 'wake' },
  timer: { kind: 'timer' },
  close: { kind: 'close' },
  unreachable: { kind: 'failed', failure: { kind: 'unreachable', message: '' } },
  unauthenticated: { kind: 'failed', failure: { kind: 'unauthenticated' } },
  unavailable: { kind: 'failed', failure: { kind: 'unavailable', after: 1_200 } },
  unreadable: { kind: 'failed', failure: { kind: 'unreadable', message: '' } },
}

/** `state shown effect`; `-` where the event changes nothing. The type makes the table total. */
const TABLE: Record<SyncState['kind'], Record<EventName, string>> = {
  idle: {
    lead: 'pulling connecting pull',
    follow: '-',
    pulled: '-',
    message: '-',
    'pull-due': '-',
    ended: '-',
    'come-back': '-',
    busy: '-',
    upgrade: '-',
    'storage-failed': '-',
    wake: '-',
    timer: '-',
    close: 'closed offline halt',
    unreachable: '-',
    unauthenticated: '-',
    unavailable: '-',
    unreadable: '-',
  },
  pulling: {
    lead: '-',
    follow: 'idle connecting rest',
    pulled: 'connecting connecting live',
    message: '-',
    'pull-due': '-',
    ended: '-',
    'come-back': '-',
    busy: 'waiting server-busy wait 3 900',
    upgrade: 'waiting upgrade-required wait 3 60000',
    'storage-failed': 'waiting storage-trouble wait 3 0',
    wake: '-',
    timer: '-',
    close: 'closed offline halt',
    unreachable: 'waiting offline wait 3 0',
    unauthenticated: 'waiting needs-sign-in wait 3 30000',
    unavailable: 'waiting server-busy wait 3 1200',
    unreadable: 'waiting server-busy wait 3 0',
  },
  connecting: {
    lead: '-',
    follow: 'idle connecting rest',
    pulled: '-',
    message: 'live live none',
    'pull-due': 'pulling connecting pull',
    ended: 'waiting offline wait 3 0',
    'come-back': 'waiting connecting wait 0 700',
    busy: 'waiting server-busy wait 3 900',
    upgrade: 'waiting upgrade-required wait 3 60000',
    'storage-failed': 'waiting storage-trouble wait 3 0',
    wake: '-',
    timer: '-',
    close: 'closed offline halt',
    unreachable: 'waiting offline wait 3 0',
    unauthenticated: 'waiting needs-sign-in wait 3 30000',
    unavailable: 'waiting server-busy wait 3 1200',
    unreadable: 'waiting server-busy wait 3 0',
  },
  live: {
    lead: '-',
    follow: 'idle connecting rest',
    pulled: '-',
    message: '-',
    'pull-due': 'pulling live pull',
    ended: 'waiting connecting wait 0 0',
    'come-back': 'waiting connecting wait 0 700',
    busy: 'waiting server-busy wait 1 900',
    upgrade: 'waiting upgrade-required wait 1 60000',
    'storage-failed': 'waiting storage-trouble wait 1 0',
    wake: '-',
    timer: '-',
    close: 'closed offline halt',
    unreachable: 'waiting offline wait 1 0',
    unauthenticated: 'waiting needs-sign-in wait 1 30000',
    unavailable: 'waiting server-busy wait 1 1200',
    unreadable: 'waiting server-busy wait 1 0',
  },
  waiting: {
    lead: '-',
    follow: 'idle connecting rest',
    pulled: '-',
    message: '-',
    'pull-due': '-',
    ended: '-',
    'come-back': '-',
    busy: '-',
    upgrade: '-',
    'storage-failed': '-',
    wake: 'pulling offline pull',
    timer: 'pulling offline pull',
    close: 'closed offline halt',
    unreachable: '-',
    unauthenticated: '-',
    unavailable: '-',
    unreadable: '-',
  },
  closed: {
    lead: '-',
    follow: '-',
    pulled: '-',
    message: '-',
    'pull-due': '-',
    ended: '-',
    'come-back': '-',
    busy: '-',
    upgrade: '-',
    'storage-failed': '-',
    wake: '-',
    timer: '-',
    close: '-',
    unreachable: '-',
    unauthenticated: '-',
    unavailable: '-',
    unreadable: '-',
  },
}

const name = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]))

describe('the sync loop', () => {
  for (const [from, row] of Object.entries(TABLE) as [SyncState['kind'], Record<EventName, string>][]) {
    test(`from ${from}, every event leads where the table says`, () => {
      for (const [event, expected] of Object.entries(row) as [EventName, string][]) {
        const { state, effect } = nextSyncStep(STATES[from], EVENTS[event])
        const details = effect.kind === 'wait' ? ` ${effect.failures} ${effect.atLeast}` : ''
        const seen =
          state === STATES[from] && effect.kind === 'none'
            ? '-'
            : `${state.kind} ${connectionOf(state)} ${effect.kind}${details}`
        expect(`${event}: ${seen}`).toBe(`${event}: ${expected}`)
      }
    })
  }

  test('never stalls: wherever events have led, leading, a timer, a pull and a message end in live', () => {
    fc.assert(
      fc.property(fc.array(name.filter((each) => each !== 'close')), (events) => {
        let state: SyncState = nextSyncStep({ kind: 'idle' }, { kind: 'lead' }).state
        for (const each of events) ({ state } = nextSyncStep(state, EVENTS[each]))
        // A tab that follows leads when it has the lock; work under way ends in one of these; waiting has a timer.
        for (const each of ['lead', 'timer', 'pulled', 'message'] as const)
          ({ state } = nextSyncStep(state, EVENTS[each]))
        expect(state.kind).toBe('live')
      }),
    )
  })

  test('always has something under way: a loop that leads is pulling, listening or has a timer', () => {
    fc.assert(
      fc.property(fc.array(name.filter((each) => each !== 'close')), (events) => {
        let state: SyncState = { kind: 'idle' }
        let running = 'nothing'
        for (const each of ['lead' as const, ...events]) {
          const step = nextSyncStep(state, EVENTS[each])
          if (step.effect.kind !== 'none') running = step.effect.kind
          ;({ state } = step)
        }
        expect(running).toBe(
          { pulling: 'pull', connecting: 'live', live: 'live', waiting: 'wait', idle: 'rest', closed: '' }[state.kind],
        )
      }),
    )
  })

  test('pushes only where the server was not just seen to be out of reach', () => {
    expect((Object.keys(STATES) as SyncState['kind'][]).filter((kind) => mayPush(STATES[kind]))).toEqual([
      'pulling',
      'connecting',
      'live',
    ])
  })

  test('tries at once when woken, and forgets the failures of a network that was another one', () => {
    const waiting: SyncState = { kind: 'waiting', failures: 9, shown: 'offline' }
    const woken = nextSyncStep(waiting, { kind: 'wake' })
    expect(woken).toEqual({ state: { kind: 'pulling', failures: 0, shown: 'offline' }, effect: { kind: 'pull' } })
    const again = nextSyncStep(woken.state, { kind: 'failed', failure: { kind: 'unreachable', message: '' } })
    expect(again.effect).toEqual({ kind: 'wait', failures: 1, atLeast: 0 })
    expect(nextSyncStep(waiting, { kind: 'timer' }).state).toMatchObject({ kind: 'pulling', failures: 9 })
  })

  test('backs off with full jitter up to 30 seconds, and never before the server allows', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.nat(60_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, atLeast, jitter) => {
          const delay = backoff(failures, atLeast, jitter)
          expect(delay).toBeGreaterThanOrEqual(atLeast)
          expect(delay).toBeLessThanOrEqual(Math.max(30_000, atLeast))
        },
      ),
    )
    expect([0, 1, 2, 10].map((failures) => backoff(failures, 0, 1))).toEqual([500, 1_000, 2_000, 30_000])
  })
})
