import { expect, test } from 'vitest'
import { Reloader } from './reloader.ts'

/** Records what is done in which order; `gates` hold a start back until they are opened. */
function setUp() {
  const events: string[] = []
  const settled: unknown[] = []
  let count = 0
  const state: { failPrepare?: Error; failStart?: Error; gate?: Promise<void> } = {}
  const reloader = new Reloader({
    prepare: async () => {
      count += 1
      const name = `#${count}`
      events.push(`prepare ${name}`)
      if (state.failPrepare) throw state.failPrepare
      return async () => {
        events.push(`start ${name}`)
        await state.gate
        if (state.failStart) throw state.failStart
        return { name, close: async () => void events.push(`close ${name}`) }
      }
    },
    onSettled: (error) => void settled.push(error),
  })
  return { reloader, events, settled, state }
}

test('the new instance starts after the old one has closed', async () => {
  const { reloader, events } = setUp()
  await reloader.reload()
  await reloader.reload()
  expect(events).toEqual(['prepare #1', 'start #1', 'prepare #2', 'close #1', 'start #2'])
  expect(await reloader.current()).toMatchObject({ name: '#2' })
})

test('changes during a reload make one more, however many they are', async () => {
  const { reloader, events, state } = setUp()
  let open = () => undefined as void
  state.gate = new Promise((resolve) => (open = resolve))
  const first = reloader.reload()
  await expect.poll(() => events).toContain('start #1')
  void reloader.reload()
  void reloader.reload()
  open()
  await first
  expect(events).toEqual(['prepare #1', 'start #1', 'prepare #2', 'close #1', 'start #2'])
})

test('who asks during a reload gets the new instance', async () => {
  const { reloader } = setUp()
  await reloader.reload()
  const reload = reloader.reload()
  expect(await reloader.current()).toMatchObject({ name: '#2' })
  await reload
})

test('a source that cannot be loaded leaves the old instance running, and says so', async () => {
  const { reloader, settled, state } = setUp()
  await reloader.reload()
  state.failPrepare = new Error('Unexpected token')
  await reloader.reload()
  expect(await reloader.current()).toMatchObject({ name: '#1' })
  expect(reloader.unsettled).toBe(true)
  expect(settled).toEqual([undefined, state.failPrepare])
  delete state.failPrepare
  await reloader.reload()
  expect(reloader.unsettled).toBe(false)
})

test('a change while the load after a failed one runs is not taken for one that concerns nobody', async () => {
  const { reloader, state } = setUp()
  state.failPrepare = new Error('Unexpected token')
  await reloader.reload()
  const reload = reloader.reload()
  expect(reloader.unsettled).toBe(true)
  await reload
})

test('a start that fails leaves none, and the reason is given to whoever asks', async () => {
  const { reloader, state } = setUp()
  state.failStart = new Error('no database')
  await reloader.reload()
  await expect(reloader.current()).rejects.toBe(state.failStart)
})

test('close waits for the reload under way, closes its instance, and nothing starts afterwards', async () => {
  const { reloader, events, state } = setUp()
  let open = () => undefined as void
  state.gate = new Promise((resolve) => (open = resolve))
  void reloader.reload()
  await expect.poll(() => events).toContain('start #1')
  const closing = reloader.close()
  open()
  await closing
  await reloader.reload()
  expect(events).toEqual(['prepare #1', 'start #1', 'close #1'])
  await expect(reloader.current()).rejects.toThrow('The server is closed.')
})
