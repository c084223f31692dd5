import { newAppend, newCommand, newSettle } from '@tidemark/testing/event-store-contract'
import { encodeAppend, encodeSettle, type AppendRequest, type EncodedAppend, type EncodedSettle } from '@tidemark/core'
import { expect, test } from 'vitest'
import type { Driver, QueryParameter, Row } from './driver.ts'
import { DatabaseError } from './errors.ts'
import { LANE_QUEUE_LIMITS } from './lane-queue.ts'
import { LaneWriter, type LaneWriterOptions } from './lane-writer.ts'

/** A driver that answers as the script says, one entry per call. */
function scripted(answers: readonly (Row | Error | Promise<Row>)[]) {
  const calls: { name: string; parameters: readonly QueryParameter[] }[] = []
  const driver: Driver = {
    async query<R extends object>(text: string, parameters: readonly QueryParameter[] = []) {
      calls.push({ name: /from\s+tidemark\.(\w+)/.exec(text)?.[1] ?? text, parameters })
      const answer = answers[calls.length - 1]
      if (answer === undefined) throw new Error(`call ${calls.length} was not expected`)
      if (answer instanceof Error) throw answer
      return [(await answer) as R]
    },
    script: () => Promise.reject(new Error('not used')),
    close: () => Promise.resolve(),
  }
  return { driver, calls }
}

function writerOn(driver: Driver, part: Partial<LaneWriterOptions> = {}) {
  const written: number[] = []
  const options = { lane: 0, sql: driver, limits: LANE_QUEUE_LIMITS, giveUpAfterMs: 5_000, ...part }
  return { writer: new LaneWriter({ ...options, onWritten: (lane) => void written.push(lane) }), written }
}

function append(part: Partial<AppendRequest> = {}): EncodedAppend {
  const encoding = encodeAppend(newAppend(part))
  if (!encoding.ok) throw new Error(JSON.stringify(encoding.issues))
  return encoding.encoded
}

function settle(): EncodedSettle {
  const encoding = encodeSettle(newSettle())
  if (!encoding.ok) throw new Error(JSON.stringify(encoding.issues))
  return encoding.encoded
}

const appended = (version: number, position: number): Row => ({ kind: 'appended', version, position, result: null })
const lost = new DatabaseError('unknown', 'ECONNRESET', 'reset', {})
const refusedConnection = new DatabaseError('not-sent', 'ECONNREFUSED', 'refused', {})
const lockTimeout = new DatabaseError('rolled-back', '55P03', 'lock timeout', {})
const badData = new DatabaseError('rejected', '22P05', 'no such character', {})

test('appends of one turn share a call; a lone one takes the fast path', async () => {
  const { driver, calls } = scripted([appended(1, 1), { base: 1, versions: '1,1', answers: null }])
  const { writer, written } = writerOn(driver)
  expect(await writer.append(append())).toMatchObject({ position: 1 })
  expect(await Promise.all([writer.append(append()), writer.append(append())])).toMatchObject([
    { position: 2 },
    { position: 3 },
  ])
  expect(calls.map((call) => call.name)).toEqual(['append_event', 'append_events'])
  expect(written).toEqual([0, 0])
})

test('settles go through the same queue', async () => {
  const { driver, calls } = scripted([
    appended(1, 1),
    { answers: [{ kind: 'settled', position: 1, version: null, result: null }] },
  ])
  const { writer, written } = writerOn(driver)
  const answers = await Promise.all([writer.append(append()), writer.settle(settle())])
  expect(answers).toEqual([
    { kind: 'appended', version: 1, lane: 0, position: 1 },
    { kind: 'settled', lane: 0, position: 1 },
  ])
  expect(calls.map((call) => call.name)).toEqual(['append_event', 'settle_batch'])
  expect(written).toEqual([0, 0])
})

test('an unknown outcome is asked again under the same command id', async () => {
  const { driver, calls } = scripted([lost, lost, appended(1, 1)])
  const command = newCommand()
  const answer = await writerOn(driver).writer.append(append({ command }))
  expect(answer.kind).toBe('appended')
  expect(calls.map((call) => call.parameters[6])).toEqual([command.id, command.id, command.id])
})

test('an append without a command id is never sent again after an unknown outcome', async () => {
  const { driver, calls } = scripted([lost])
  expect(await writerOn(driver).writer.append(append())).toMatchObject({
    kind: 'unavailable',
    cause: 'ECONNRESET: reset',
  })
  expect(calls).toHaveLength(1)
})

test('in a shared call only those with a command id are sent again', async () => {
  const { driver, calls } = scripted([lost, appended(1, 1)])
  const { writer } = writerOn(driver)
  const answers = await Promise.all([writer.append(append()), writer.append(append({ command: newCommand() }))])
  expect(answers.map((answer) => answer.kind)).toEqual(['unavailable', 'appended'])
  expect(calls.map((call) => call.name)).toEqual(['append_events', 'append_event'])
})

test('what certainly was not written is sent again, command id or not', async () => {
  const { driver, calls } = scripted([refusedConnection, lockTimeout, appended(1, 1)])
  expect(await writerOn(driver).writer.append(append())).toMatchObject({ kind: 'appended' })
  expect(calls).toHaveLength(3)
})

test('after a bounded time the answer is unavailable', async () => {
  const { driver, calls } = scripted(Array.from({ length: 100 }, () => refusedConnection))
  const answer = await writerOn(driver, { giveUpAfterMs: 200 }).writer.append(append({ command: newCommand() }))
  expect(answer).toMatchObject({ kind: 'unavailable', retryAfterMs: 1_000 })
  expect(calls.length).toBeGreaterThan(1)
})

test('when the data of one is rejected, each is sent alone and only that one is invalid', async () => {
  const { driver, calls } = scripted([badData, appended(1, 1), badData, appended(1, 2)])
  const { writer } = writerOn(driver)
  const answers = await Promise.all([writer.append(append()), writer.append(append()), writer.append(append())])
  expect(answers.map((answer) => answer.kind)).toEqual(['appended', 'invalid', 'appended'])
  expect(calls.map((call) => call.name)).toEqual(['append_events', 'append_event', 'append_event', 'append_event'])
})

test('a bug rejects the callers of that call, and the next call works', async () => {
  const { driver } = scripted([new DatabaseError('rejected', '42883', 'no such function', {}), appended(1, 1)])
  const { writer } = writerOn(driver)
  const stream = 'order/1'
  await expect(writer.append(append({ stream }))).rejects.toThrow('no such function')
  expect(await writer.append(append({ stream }))).toMatchObject({ kind: 'appended' })
})

test('the same command twice is sent once', async () => {
  const { driver, calls } = scripted([appended(1, 1)])
  const { writer } = writerOn(driver)
  const command = newCommand()
  const answers = await Promise.all([writer.append(append({ command })), writer.append(append({ command }))])
  expect(answers.map((answer) => answer.kind)).toEqual(['appended', 'duplicate'])
  expect(calls).toHaveLength(1)
})

test('a full queue answers overloaded, with the time it needs', async () => {
  let answerFirst = (_: Row): void => {}
  const first = new Promise<Row>((resolve) => void (answerFirst = resolve))
  const { driver } = scripted([first, appended(2, 2)])
  const { writer } = writerOn(driver, { limits: { ...LANE_QUEUE_LIMITS, maxWaiting: 1 } })
  const stream = 'order/1'
  const sent = writer.append(append({ stream }))
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = writer.append(append({ stream }))
  expect(await writer.append(append({ stream }))).toEqual({ kind: 'overloaded', retryAfterMs: 50 })
  answerFirst(appended(1, 1))
  expect((await Promise.all([sent, waiting])).map((answer) => answer.kind)).toEqual(['appended', 'appended'])
})

test('closing waits for the call in flight and answers the rest', async () => {
  let answerFirst = (_: Row): void => {}
  const first = new Promise<Row>((resolve) => void (answerFirst = resolve))
  const { driver } = scripted([first])
  const { writer } = writerOn(driver)
  const stream = 'order/1'
  const sent = writer.append(append({ stream }))
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = writer.append(append({ stream }))
  const closed = writer.close()
  expect(await waiting).toMatchObject({ kind: 'unavailable' })
  expect(await writer.append(append())).toMatchObject({ kind: 'unavailable' })
  answerFirst(appended(1, 1))
  await closed
  expect(await sent).toMatchObject({ kind: 'appended' })
})
