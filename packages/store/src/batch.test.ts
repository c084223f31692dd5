import { newAppend, newCommand, newEvent, newSettle } from '@tidemark/testing/event-store-contract'
import { encodeAppend, encodeSettle, type AppendRequest, type EncodedAppend, type EncodedSettle } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { toAnswerRows, toAppendAnswer, toAppendLists, toArrayLiteral, toSettleAnswer, type AnswerRow } from './batch.ts'
import { answerHeld } from './held-command.ts'

function encoded(part: Partial<AppendRequest>): EncodedAppend {
  const encoding = encodeAppend(newAppend(part))
  if (!encoding.ok) throw new Error(JSON.stringify(encoding.issues))
  return encoding.encoded
}

function settled(part: Parameters<typeof newSettle>[0]): EncodedSettle {
  const encoding = encodeSettle(newSettle(part))
  if (!encoding.ok) throw new Error(JSON.stringify(encoding.issues))
  return encoding.encoded
}

describe('runs of one stream', () => {
  const cases: readonly (readonly [string, readonly AppendRequest['expected'][], string, string])[] = [
    ['one append', [3], '{3}', '{1}'],
    ['each continues the one before', [3, 4, 5], '{3,3,3}', '{1,2,3}'],
    ['any version', ['any', 'any'], '{NULL,NULL}', '{1,2}'],
    ['any after a number', [0, 'any', 2], '{0,0,0}', '{1,2,3}'],
    ['the stream exists after anything', [0, 'stream-exists', 2], '{0,0,0}', '{1,2,3}'],
    ['the stream exists first', ['stream-exists', 'any'], '{-1,-1}', '{1,2}'],
    ['the same version twice', [3, 3], '{-2,-2}', '{1,2}'],
    ['a hole', [3, 5], '{-2,-2}', '{1,2}'],
    ['a number after any: nobody knows', ['any', 4], '{-2,-2}', '{1,2}'],
    ['a number after "exists": nobody knows', ['stream-exists', 4], '{-2,-2}', '{1,2}'],
    ['once broken, all are judged one by one', [3, 3, 'any', 4], '{-2,-2,-2,-2}', '{1,2,3,4}'],
  ]
  test.each(cases)('%s', (_, expectations, expected, offsets) => {
    const lists = toAppendLists(expectations.map((each) => encoded({ stream: 'order/1', expected: each })))
    expect(lists).toMatchObject({ expected, offsets })
  })

  test('a broken stream leaves its neighbours alone, and the same id of another tenant is another stream', () => {
    const lists = toAppendLists([
      encoded({ stream: 'order/1', expected: 0 }),
      encoded({ stream: 'order/2', expected: 7 }),
      encoded({ stream: 'order/2', expected: 7 }),
      encoded({ stream: 'order/2', expected: 0, tenant: 'globex' }),
      encoded({ stream: 'order/3', expected: 1 }),
    ])
    expect(lists).toMatchObject({ expected: '{0,-2,-2,0,1}', offsets: '{1,1,2,1,1}', own: '{0,7,7,0,1}' })
  })
})

describe('appends that follow a named event', () => {
  const [first, second] = [newEvent(), newEvent()]
  const foreign = newEvent().id

  test('nothing is sent for it where no append names one', () => {
    expect(toAppendLists([encoded({}), encoded({})]).after).toBeNull()
  })

  test('it stands at the first event of its append', () => {
    const lists = toAppendLists([encoded({ after: foreign, events: [newEvent(), newEvent()] }), encoded({})])
    expect(lists.after).toBe(`{${foreign},NULL,NULL}`)
  })

  test.each([
    ['continues the run, if that is what the append before ends with', second.id, '{0,0,0}'],
    ['breaks the run, if it ends with another', first.id, '{-2,-2,-2}'],
  ])('it %s', (_, after, expected) => {
    const run = [
      encoded({ stream: 'order/1', expected: 0, events: [first, second] }),
      encoded({ stream: 'order/1', expected: 2, after }),
    ]
    expect(toAppendLists(run)).toMatchObject({ expected, after: `{NULL,NULL,${after}}` })
  })
})

test('the command stands at the last event of its append only', () => {
  const command = newCommand()
  const lists = toAppendLists([encoded({ command, events: [newEvent(), newEvent()] }), encoded({})])
  expect(lists).toMatchObject({
    commands: `{NULL,${command.id},NULL}`,
    hashes: `{NULL,${command.hash},NULL}`,
    sizes: '{2,1}',
  })
})

test('texts are joined by newlines, which no JSON text and no name can hold', () => {
  const lists = toAppendLists([
    encoded({ events: [newEvent('two\nlines'), newEvent({ b: 1, a: '\r\n' })], device: null }),
    encoded({ device: 'd' }),
  ])
  expect(lists.data.split('\n')).toEqual(['"two\\nlines"', '{"b":1,"a":"\\r\\n"}', '{"n":1}'])
  expect(lists.devices).toBe('\n\nd')
  expect(toArrayLiteral([])).toBe('{}')
})

describe('answers', () => {
  test('on the fast path positions count from the base, over all events', () => {
    const appends = [encoded({ events: [newEvent(), newEvent()] }), encoded({})]
    const rows = toAnswerRows({ base: 40, versions: '1,2,9', answers: null }, appends)
    expect(rows.map((row) => toAppendAnswer(3, row))).toEqual([
      { kind: 'appended', version: 2, lane: 3, position: 42 },
      { kind: 'appended', version: 9, lane: 3, position: 43 },
    ])
  })

  test('on the fast path an append that names its version was stored there, and the database need not say so', () => {
    const appends = [encoded({ expected: 4, events: [newEvent(), newEvent()] }), encoded({ expected: 'no-stream' })]
    expect(toAppendLists(appends).free).toBe(false)
    expect(toAnswerRows({ base: 10, versions: null, answers: null }, appends)).toMatchObject([
      { version: 6, position: 12 },
      { version: 1, position: 13 },
    ])
    for (const expected of ['any', 'stream-exists'] as const) {
      expect(toAppendLists([...appends, encoded({ expected })]).free).toBe(true)
    }
  })

  test('a closed stream is answered with its successor, not by an error', () => {
    const row: AnswerRow = { kind: 'stream-closed', version: null, position: null, result: null, successor: 'order/2' }
    expect(toAppendAnswer(0, row)).toEqual({ kind: 'stream-closed', successor: 'order/2' })
    expect(() => toSettleAnswer(0, row)).toThrow('as if it were an append')
  })

  test('an answer of the wrong kind is a bug, not an answer', () => {
    const row: AnswerRow = { kind: 'settled', version: null, position: 1, result: null }
    expect(() => toAppendAnswer(0, row)).toThrow('as if it were a settle')
    expect(() => toSettleAnswer(0, { ...row, kind: 'conflict' })).toThrow('as if it were an append')
    expect(() => toAppendAnswer(0, { ...row, kind: 'conflict' })).toThrow('left out a column')
  })
})

describe('a command held back behind the first of its id', () => {
  const command = newCommand()
  const other = { id: command.id, hash: 'b'.repeat(32) }
  const append = encoded({ stream: 'order/1', command })
  const appended = { kind: 'appended', version: 4, lane: 0, position: 9 } as const
  const accepted = {
    kind: 'accepted',
    stream: 'order/1',
    version: 4,
    lane: 0,
    position: 9,
    hash: command.hash,
  } as const

  test('gets the first one’s result, or command-reused with another body', () => {
    expect(answerHeld(append, appended, command)).toEqual({ kind: 'duplicate', result: accepted })
    expect(answerHeld(append, appended, other)).toEqual({ kind: 'command-reused' })
    expect(answerHeld(append, { kind: 'duplicate', result: accepted }, command)).toEqual({
      kind: 'duplicate',
      result: accepted,
    })
  })

  test('gets a refusal and an acceptance without events as they were settled', () => {
    const answer = { kind: 'settled', lane: 0, position: 9 } as const
    const where = { stream: 'order/1', lane: 0, position: 9, hash: command.hash }
    expect(answerHeld(settled({ stream: 'order/1', command }), answer, command)).toEqual({
      kind: 'duplicate',
      result: { kind: 'refused', code: 'already_shipped', params: { by: 'bob' }, ...where },
    })
    const nothing = settled({ stream: 'order/1', command, outcome: { kind: 'nothing', version: 4 } })
    expect(answerHeld(nothing, answer, command)).toEqual({
      kind: 'duplicate',
      result: { kind: 'accepted', version: 4, ...where },
    })
  })

  test('is asked itself where the first left no result, and shares its outage', () => {
    expect(answerHeld(append, { kind: 'conflict', current: 3 }, command)).toBe('ask')
    expect(answerHeld(append, { kind: 'invalid', issues: [] }, command)).toBe('ask')
    expect(answerHeld(append, { kind: 'command-reused' }, command)).toBe('ask')
    const outage = { kind: 'unavailable', retryAfterMs: 1, cause: 'x' } as const
    expect(answerHeld(append, outage, command)).toBe(outage)
  })
})
