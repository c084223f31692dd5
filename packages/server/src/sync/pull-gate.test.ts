import type { PullReply } from '@tidemark/core'
import { expect, test } from 'vitest'
import { createPullGate } from './pull-gate.ts'

const busy: PullReply = { kind: 'retry', after: 0, reason: 'unavailable' }

test('who finds the server full is sent away, spread over time, and nothing is asked for them', async () => {
  let draw = 0
  const gate = createPullGate(2, () => draw)
  const finish: (() => void)[] = []
  let asked = 0
  const slow = (): Promise<PullReply> => {
    asked += 1
    return new Promise((resolve) => finish.push(() => resolve(busy)))
  }
  const inside = [gate.pass(slow), gate.pass(slow)]
  expect(await gate.pass(slow)).toEqual({ kind: 'retry', after: 500, reason: 'overloaded' })
  draw = 0.5
  expect(await gate.pass(slow)).toEqual({ kind: 'retry', after: 1_500, reason: 'overloaded' })
  expect(asked).toBe(2)
  for (const end of finish.splice(0)) end()
  await Promise.all(inside)
  const next = gate.pass(slow)
  finish[0]?.()
  expect(await next).toEqual(busy)
})

test('a pull that fails gives its place back', async () => {
  const gate = createPullGate(1, () => 0)
  await expect(gate.pass(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
  expect(await gate.pass(() => Promise.resolve(busy))).toEqual(busy)
})
