import { createParser } from 'eventsource-parser'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventReader, type StreamEvent } from './event-stream.ts'

function read(pieces: readonly string[]): StreamEvent[] {
  const events: StreamEvent[] = []
  const feed = createEventReader((event) => events.push(event))
  for (const piece of pieces) feed(piece)
  return events
}

function cut(text: string, at: readonly number[]): string[] {
  const ends = [...at.map((each) => each % (text.length + 1)).sort((a, b) => a - b), text.length]
  return ends.map((end, i) => text.slice(i === 0 ? 0 : ends[i - 1], end))
}

test('an event stream is read as the standard says, and what was cut off is no event', () => {
  const stream =
    ': a comment\r\nevent: ping\ndata: {}\n\nid: 7\ndata: {"a":1}\ndata:b\n\ndata: c\r\rretry: 5\nevent: lost\n\n' +
    'event:  two spaces\ndata\n\ndata: unfinished'
  expect(read([stream])).toEqual([
    { type: 'ping', data: '{}' },
    { type: 'message', data: '{"a":1}\nb' },
    { type: 'message', data: 'c' },
    { type: ' two spaces', data: '' },
  ])
})

test('an event whose last line end is a CR is told at once, and the LF after it starts no other line', () => {
  const events: StreamEvent[] = []
  const feed = createEventReader((event) => events.push(event))
  feed('data: 1\r\n\r')
  expect(events).toEqual([{ type: 'message', data: '1' }])
  feed('\ndata: 2\r')
  feed('\n')
  expect(events).toHaveLength(1)
  feed('\n')
  expect(events).toEqual([
    { type: 'message', data: '1' },
    { type: 'message', data: '2' },
  ])
})

const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    'data',
    'data:',
    'data: {"a":1}',
    'data:x: y',
    'event: ping',
    'event:',
    'event',
    ':',
    ': note',
  ),
  fc.constantFrom('id: 7', 'retry: 5', 'dat: no', ' data: no', 'data:  two', 'event: return'),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
)
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r')), { maxLength: 30 })
  .map((lines) => lines.map((each) => each.join('')).join(''))

test('any stream, cut anywhere, is read as another reader of the standard reads it', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (text, at) => {
      const others: StreamEvent[] = []
      const parser = createParser({ onEvent: ({ event, data }) => others.push({ type: event ?? 'message', data }) })
      // Its events come with the next piece where a CR ends the text: a LF here ends the CR's line, and no other.
      parser.feed(text.endsWith('\r') ? `${text}\n` : text)
      expect(read(cut(text, at))).toEqual(others)
    }),
    { numRuns: 500 },
  )
})
