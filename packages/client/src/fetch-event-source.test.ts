import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventParser } from './fetch-event-source.ts'

function parse(chunks: readonly string[]): [string, string, string][] {
  const events: [string, string, string][] = []
  const feed = createEventParser((type, data, id) => events.push([type, data, id]))
  for (const chunk of chunks) feed(chunk)
  return events
}

const STREAM =
  ': a comment\r\nevent: ping\ndata:\n\nid: 7\ndata: {"a":1}\ndata:b\n\ndata: c\r\r\nretry: 5\nevent: lost\n\ndata: unfinished'

test('an event stream is read as the standard says', () => {
  expect(parse([STREAM])).toEqual([
    ['ping', '', ''],
    ['message', '{"a":1}\nb', '7'],
    ['message', 'c', '7'],
  ])
})

test('it does not matter where the stream is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length]
      expect(parse(at.slice(1).map((end, i) => STREAM.slice(at[i], end)))).toEqual(parse([STREAM]))
    }),
  )
})
