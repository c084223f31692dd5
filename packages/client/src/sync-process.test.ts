import { PROTOCOL_VERSION, type Transport } from '@tidemark/core'
import { expect, test } from 'vitest'
import { FencedError } from './fence.ts'
import { SILENCE } from './leader-watch.ts'
import type { PendingRecord } from './records.ts'
import { createSyncProcess, type SyncProcess } from './sync-process.ts'
import { until } from './test-support/device.ts'

const COMMAND: PendingRecord = {
  id: '01900000-0000-7000-8000-000000000001',
  type: 'order.ship',
  schema: 1,
  stream: 'order/a',
  input: {},
  occurredAt: '2026-03-01T08:00:00.000Z',
  seq: 1,
  base: null,
  prediction: { kind: 'queued' },
  believed: [],
  seen: null,
  answer: null,
  attention: null,
  attempts: 0,
}

/** A leader with one command to send, whose storage takes its time to mark it. */
function leadWith(marks: readonly (() => PendingRecord[])[]): {
  readonly process: SyncProcess
  readonly pushed: string[]
  readonly fenced: number[]
  readonly clock: { now: number }
} {
  const clock = { now: 1_000_000 }
  const pushed: string[] = []
  const fenced: number[] = []
  const rest = [...marks]
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined)
  const transport: Transport = {
    push: (request) => {
      pushed.push(...request.commands.map((each) => each.id))
      return never()
    },
    pull: never,
    history: never,
    live: never,
  }
  const process: SyncProcess = createSyncProcess({
    transport,
    protocol: PROTOCOL_VERSION,
    platform: { now: () => clock.now, jitter: () => 1, setTimer: () => () => undefined },
    storage: {
      pullRequest: never,
      liveRequest: never,
      applyPage: never,
      applyAnswers: never,
      awaitsOutcome: () => false,
      takeBatch: () => Promise.resolve().then(() => rest.shift()?.() ?? []),
      toPush: (commands) => ({ protocol: PROTOCOL_VERSION, device: COMMAND.id, commands: [...commands] }),
    },
    onChange: () => undefined,
    onTrouble: (error) => {
      throw error
    },
    onFenced: ({ term }) => {
      fenced.push(term)
      process.follow()
    },
  })
  process.lead()
  return { process, pushed, fenced, clock }
}

test('a leader that was frozen after it marked a command looks again before it sends, and sends nothing', async () => {
  const { process, pushed, fenced, clock } = leadWith([
    () => {
      clock.now += SILENCE
      return [COMMAND]
    },
    () => {
      throw new FencedError(1, 2)
    },
  ])
  await until(() => expect(fenced).toEqual([1]))
  expect(process.state).toEqual({ kind: 'idle' })
  expect(process.sending.inFlight.size).toBe(0)
  expect(pushed).toEqual([])
})

test('a leader whose storage is merely that slow sends after the second mark', async () => {
  const slow = (): PendingRecord[] => {
    clock.now += SILENCE
    return [COMMAND]
  }
  const { process, pushed, clock } = leadWith([slow, slow])
  await until(() => expect(pushed).toEqual([COMMAND.id]))
  expect([...process.sending.inFlight]).toEqual([COMMAND.id])
})
