import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FetchEventSource, type OpenStream } from './fetch-event-source.ts'

const STREAM =
  ': a comment\r\nevent: ping\ndata: {}\n\nid: 7\ndata: {"a":1}\ndata:b\n\ndata: c\n\nretry: 5\nevent: lost\n\ndata: unfinished'

/** Opens a stream whose bytes arrive in the given pieces, and gathers all that it says until it is closed for good. */
async function listen(
  pieces: readonly string[],
  status = 200,
): Promise<{ heard: [string, string, string][]; opened: number }> {
  let opened = 0
  const open: OpenStream = () => {
    opened += 1
    const bytes = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece))
        controller.close()
      },
    })
    return Promise.resolve(new Response(bytes, { status }))
  }
  const source = new FetchEventSource('/live', { open })
  const heard: [string, string, string][] = []
  const hear = (event: Event): void => {
    const { type, data, lastEventId } = event as MessageEvent<string>
    heard.push([type, data, lastEventId])
  }
  source.addEventListener('message', hear)
  source.addEventListener('ping', hear)
  await new Promise((resolve) => {
    source.addEventListener('error', resolve)
  })
  expect(source.readyState).toBe(source.CLOSED)
  return { heard, opened }
}

test('an event stream is read as the standard says, and what was cut off is no event', async () => {
  expect((await listen([STREAM])).heard).toEqual([
    ['ping', '{}', ''],
    ['message', '{"a":1}\nb', '7'],
    ['message', 'c', '7'],
  ])
})

test('it does not matter where the stream is cut into pieces', async () => {
  const whole = await listen([STREAM])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length]
      expect(await listen(at.slice(1).map((end, i) => STREAM.slice(at[i], end)))).toEqual(whole)
    }),
  )
})

test('a stream that ended or was refused is not opened again', async () => {
  expect((await listen([STREAM])).opened).toBe(1)
  expect(await listen([STREAM], 401)).toEqual({ heard: [], opened: 1 })
})
