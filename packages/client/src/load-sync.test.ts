import { PROTOCOL_VERSION } from '@tidemark/core'
import { expect, test } from 'vitest'
import { loadSync } from './load-sync.ts'
import type { Sync, SyncOptions } from './open-sync.ts'
import { NOTHING_SENDING } from './queue.ts'
import { until } from './test-support/device.ts'

/** A loop whose part of the program arrives, or fails to, when the test says so. */
function loading() {
  const heard: string[] = []
  const timers: (() => void)[] = []
  const fetches: { arrive(): void; fail(): void }[] = []
  const opened: Sync = {
    state: { kind: 'live' },
    sending: NOTHING_SENDING,
    lastContact: 7,
    progress: null,
    lead: () => void heard.push('lead'),
    follow: () => void heard.push('follow'),
    work: () => void heard.push('work'),
    wake: () => void heard.push('wake'),
    askAgain: () => Promise.resolve(),
    close: () => Promise.resolve(void heard.push('close')),
  }
  const options = {
    protocol: PROTOCOL_VERSION,
    platform: {
      now: () => 0,
      jitter: () => 0,
      setTimer: (callback: () => void) => {
        timers.push(callback)
        return () => void timers.splice(timers.indexOf(callback), 1)
      },
    },
    onChange: () => heard.push(`shown ${'shown' in sync.state ? sync.state.shown : sync.state.kind}`),
    onTrouble: () => heard.push('trouble'),
  } as unknown as SyncOptions
  const sync = loadSync(
    options,
    () =>
      new Promise((resolve, reject) => {
        fetches.push({
          arrive: () => resolve({ openSync: () => opened }),
          fail: () => reject(new TypeError('Failed to fetch dynamically imported module')),
        })
      }),
  )
  return { sync, heard, timers, fetches }
}

test('the network loop is fetched when this tab leads, and leads then', async () => {
  const { sync, heard, fetches } = loading()
  sync.work()
  sync.wake()
  expect(fetches).toHaveLength(0)
  sync.lead()
  expect(heard).toEqual(['shown connecting'])
  fetches[0]?.arrive()
  await until(() => expect(heard).toEqual(['shown connecting', 'lead']))
  expect(sync.state.kind).toBe('live')
  sync.work()
  sync.follow()
  sync.lead()
  expect(heard.slice(2)).toEqual(['work', 'follow', 'lead'])
  expect(fetches).toHaveLength(1)
})

test('where it cannot be fetched the device is offline, and it is tried again: by the clock, and when woken', async () => {
  const { sync, heard, timers, fetches } = loading()
  sync.lead()
  fetches[0]?.fail()
  await until(() => expect(heard).toEqual(['shown connecting', 'trouble', 'shown offline']))
  timers.shift()?.()
  expect(fetches).toHaveLength(2)
  fetches[1]?.fail()
  await until(() => expect(timers).toHaveLength(1))
  sync.wake()
  expect(timers).toHaveLength(0)
  expect(fetches).toHaveLength(3)
  fetches[2]?.arrive()
  await until(() => expect(heard.at(-1)).toBe('lead'))
})

test('another tab that leads meanwhile is left to lead, and a closed loop never begins', async () => {
  const { sync, heard, fetches } = loading()
  sync.lead()
  sync.follow()
  fetches[0]?.arrive()
  await until(() => expect(sync.state.kind).toBe('live'))
  expect(heard).toEqual(['shown connecting', 'shown idle'])

  const other = loading()
  other.sync.lead()
  await other.sync.close()
  other.fetches[0]?.arrive()
  // Everything that follows from its arrival has happened then.
  await new Promise((resolve) => setImmediate(resolve))
  expect(other.sync.state.kind).toBe('closed')
  other.sync.lead()
  expect(other.heard).toEqual(['shown connecting'])
})
