import { expect, test } from 'vitest'
import { createFirstRead } from './first-read.ts'
import { createDerived } from './live.ts'
import type { Replica } from './replica.ts'
import { OrderList } from './test-support/shop-domain.ts'
import { createWindows } from './windows.ts'
import type { WindowView } from './window-view.ts'

function value() {
  let now: string | undefined
  const live = createDerived(() => now)
  const first = createFirstRead(live, (text) => text === undefined)
  const set = (text: string | undefined): void => {
    now = text
    live.invalidate()
    for (const listener of live.settle()) listener()
  }
  return { live, first, set }
}

test('the first read is one promise until it is there, and the value is watched meanwhile', async () => {
  const { live, first, set } = value()
  const waiting = first.ready()
  expect(first.ready()).toBe(waiting)
  expect(live.watched).toBe(true)
  set('read')
  await waiting
  expect(live.watched).toBe(false)
  await first.ready()
})

test('what cannot be read rejects whoever waits, and whoever asks before it can be read', async () => {
  const { live, first, set } = value()
  const waiting = first.ready()
  first.failed(new Error('no storage'))
  await expect(waiting).rejects.toThrow('no storage')
  expect(first.ready()).toBe(waiting)
  expect(live.watched).toBe(false)
  set('read after all')
  await first.ready()
})

test('what failed before anybody waited rejects too', async () => {
  const { first } = value()
  first.failed(new Error('no storage'))
  await expect(first.ready()).rejects.toThrow('no storage')
})

/** Lists whose reads succeed or fail when the test says so. */
function lists() {
  const reads: { fail(): void; succeed(): void }[] = []
  const troubles: unknown[] = []
  const mirror = { addWindow: () => undefined, dropWindow: () => undefined }
  const loadWindow = (window: WindowView): Promise<void> =>
    new Promise((resolve, reject) => {
      reads.push({
        fail: () => reject(new Error('no storage')),
        succeed: () => {
          window.load({ rows: [], boundary: null }, () => null, [])
          for (const listener of window.live.settle()) listener()
          resolve()
        },
      })
    })
  const windows = createWindows({
    replica: { mirror, loadWindow } as unknown as Replica,
    onTrouble: (error) => troubles.push(error),
  })
  return { windows, reads, troubles }
}

test('a list that cannot be read says so, and is read again when somebody looks', async () => {
  const { windows, reads, troubles } = lists()
  const list = windows.live(OrderList, {})
  const waiting = list.ready()
  expect(windows.live(OrderList, {}).ready()).toBe(waiting)
  reads[0]?.fail()
  await expect(waiting).rejects.toThrow('no storage')
  expect(troubles).toHaveLength(1)
  expect(list.get().status).toBe('loading')
  expect(reads).toHaveLength(2)
  list.get()
  expect(reads).toHaveLength(2)
  reads[1]?.succeed()
  await list.ready()
  expect(list.get().status).toBe('ready')
})

test('a list that is watched and cannot be read is read again by itself', async () => {
  const { windows, reads, troubles } = lists()
  const list = windows.live(OrderList, {})
  const shown: string[] = []
  const stop = list.subscribe(() => shown.push(list.get().status))
  reads[0]?.fail()
  await expect.poll(() => troubles).toHaveLength(1)
  windows.sweep()
  expect(reads).toHaveLength(2)
  windows.sweep()
  expect(reads).toHaveLength(2)
  reads[1]?.succeed()
  expect(shown).toEqual(['ready'])
  stop()
})
