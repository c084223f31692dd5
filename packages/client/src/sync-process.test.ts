import { PROTOCOL_VERSION, type Page, type PushAnswer, type Transport } from '@tidemark/core'
import { expect, test } from 'vitest'
import type { Answered } from './answers.ts'
import { FencedError } from './fence.ts'
import { SILENCE } from './leader-watch.ts'
import type { PendingRecord } from './records.ts'
import type { Sending } from './queue.ts'
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

const ACCEPTED: PushAnswer = { kind: 'accepted', version: 1, token: '', rebased: false }

function command(id: string): PendingRecord {
  return { ...COMMAND, id: `01900000-0000-7000-8000-00000000000${id}`, stream: `order/${id}` }
}

/** A page with which a pull reaches its cut. */
function cut(outcomes: Page['outcomes'], restored = false): Page {
  return {
    kind: 'page',
    since: null,
    cursor: 'c',
    complete: true,
    reset: restored,
    restored,
    rows: [],
    removals: [],
    outcomes: [...outcomes],
    scopes: [],
    remaining: 0,
    now: '2026-03-01T08:00:00.000Z',
  }
}

/** A live leader that sends batch after batch; `answer` is what the server says to a command. */
function sendAll(batches: readonly PendingRecord[][], answer: (id: string) => PushAnswer) {
  const stored: (readonly Answered[])[] = []
  const asked: Sending[] = []
  const reply: (() => void)[] = []
  const rest = [...batches]
  let tell: (page: Page) => Promise<void> = () => Promise.resolve()
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined)
  const pulled: Page[] = [cut([])]
  const timers: (() => void)[] = []
  const process = createSyncProcess({
    transport: {
      push: ({ commands }) =>
        new Promise((resolve) => {
          const answers = commands.map(({ id }) => ({ id, answer: answer(id) }))
          reply.push(() => resolve({ kind: 'answers', answers, now: '2026-03-01T08:00:00.000Z' }))
        }),
      pull: () => Promise.resolve(pulled[0] as Page),
      history: never,
      live: async (_, onMessage) => {
        tell = async (page) => onMessage(page)
        await onMessage({ kind: 'beat', now: '2026-03-01T08:00:00.000Z' })
        return never()
      },
    },
    protocol: PROTOCOL_VERSION,
    platform: { now: () => 1_000_000, jitter: () => 1, setTimer: (run) => (timers.push(run), () => undefined) },
    storage: {
      pullRequest: () =>
        Promise.resolve({ protocol: 1, device: COMMAND.id, cursor: null, projections: {}, awaiting: [] }),
      liveRequest: () => Promise.resolve({ device: COMMAND.id, cursor: 'c', projections: {} }),
      applyPage: (page) => Promise.resolve({ kind: 'applied', restored: page.restored === true, offered: 0 }),
      applyAnswers: (answers) => {
        stored.push(answers)
        return Promise.resolve()
      },
      awaitsOutcome: () => false,
      takeBatch: (sending) => {
        asked.push(sending)
        return Promise.resolve(rest.shift() ?? [])
      },
      toPush: (commands) => ({ protocol: PROTOCOL_VERSION, device: COMMAND.id, commands: [...commands] }),
    },
    onChange: () => undefined,
    onTrouble: (error) => {
      throw error
    },
    onFenced: () => undefined,
  })
  process.lead()
  return {
    process,
    stored,
    asked,
    timers,
    /** The server answers the batch that is on its way. */
    answer: async (sent: number) => {
      await until(() => expect(reply).toHaveLength(sent))
      reply[sent - 1]?.()
      await until(() => expect(asked).toHaveLength(sent + 1))
    },
    tell: async (page: Page) => {
      await until(() => expect(process.state.kind).toBe('live'))
      await tell(page)
    },
  }
}

const [a, b, c] = [command('1'), command('2'), command('3')]

test('what the server takes is stored once, when there is nothing more to send, but for what a page has told by then', async () => {
  const { process, stored, asked, answer, tell } = sendAll([[a], [b], [c]], () => ACCEPTED)
  await answer(1)
  expect(process.sending.accepted).toEqual(new Set([a.id]))
  await answer(2)
  await tell(cut([{ kind: 'accepted', command: a.id, stream: a.stream, version: 1 }]))
  expect(stored).toEqual([])
  await answer(3)
  await until(() => expect(process.sending.accepted.size).toBe(0))
  expect(stored.map((answers) => answers.map(({ id }) => id))).toEqual([[b.id, c.id]])
  // It was not offered again meanwhile, stored or not.
  expect(asked.map(({ accepted }) => accepted)).toEqual([
    new Set(),
    new Set([a.id]),
    new Set([a.id, b.id]),
    new Set([b.id, c.id]),
  ])
})

test('a reply with anything but a yes is stored at once, and whole', async () => {
  const { process, stored, answer } = sendAll([[a, b], [c]], (id) => (id === a.id ? { kind: 'forbidden' } : ACCEPTED))
  await answer(1)
  expect(stored.map((answers) => answers.map(({ id }) => id))).toEqual([[a.id, b.id]])
  expect(process.sending.accepted.size).toBe(0)
})

test('what a server took that was put back since is not taken for kept', async () => {
  const { process, stored, answer, tell } = sendAll([[a], [b]], () => ACCEPTED)
  await answer(1)
  await tell(cut([], true))
  expect(process.sending.accepted.size).toBe(0)
  await answer(2)
  await until(() => expect(stored.map((answers) => answers.map(({ id }) => id))).toEqual([[b.id]]))
})

test('while much is sent the page is asked for only where the same command waits for it all the time', async () => {
  const { process, timers, answer, tell } = sendAll([[a], [b], [c]], () => ACCEPTED)
  await until(() => expect(process.state.kind).toBe('live'))
  await answer(1)
  await tell(cut([{ kind: 'accepted', command: a.id, stream: a.stream, version: 1 }]))
  await answer(2)
  timers.shift()?.()
  expect(process.state.kind).toBe('live')
  timers.shift()?.()
  expect(process.state.kind).toBe('pulling')
})
