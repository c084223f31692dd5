import type { DeviceOf } from '@tidemark/store'
import { expect, test } from 'vitest'
import { ann, createLogBook, laptop, phone } from '../fixtures/push.ts'
import { createDeviceNotes } from './device-notes.ts'

function setUp() {
  let time = 0
  const written: (readonly [string, number])[] = []
  const waiting: (() => void)[] = []
  let failing = false
  let isSlow = false
  const notes = createDeviceNotes({
    devices: {
      note: async ({ device, unsent }: DeviceOf & { readonly unsent: number }) => {
        if (failing) throw new Error('down')
        if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve))
        written.push([device, unsent])
      },
      unsentElsewhere: () => Promise.resolve([]),
    },
    now: () => time,
    logger: createLogBook(),
  })
  return {
    notes,
    written,
    pass: (ms: number) => (time += ms),
    fail: (on: boolean) => (failing = on),
    slow: () => (isSlow = true),
    finish: () => waiting.shift()?.(),
  }
}

test('a device that says the same again and again is written once a minute', async () => {
  const { notes, written, pass } = setUp()
  for (let at = 0; at < 5; at++) {
    notes.seen(ann, phone, 0)
    await notes.written()
  }
  expect(written).toEqual([[phone, 0]])
  pass(60_000)
  notes.seen(ann, phone, 0)
  await notes.written()
  expect(written).toHaveLength(2)
})

test('a count that changes is written at once, and the last one comes last', async () => {
  const { notes, written, slow, finish } = setUp()
  slow()
  for (const unsent of [3, 2, 1]) notes.seen(ann, phone, unsent)
  notes.seen(ann, laptop, 7)
  finish()
  finish()
  await Promise.resolve()
  while (written.length < 3) {
    finish()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await notes.written()
  expect(written.filter(([device]) => device === phone)).toEqual([
    [phone, 3],
    [phone, 1],
  ])
  expect(written).toContainEqual([laptop, 7])
})

test('what could not be written is written with the next word of the device', async () => {
  const { notes, written, fail } = setUp()
  fail(true)
  notes.seen(ann, phone, 2)
  await notes.written()
  fail(false)
  notes.seen(ann, phone, 2)
  await notes.written()
  expect(written).toEqual([[phone, 2]])
})
