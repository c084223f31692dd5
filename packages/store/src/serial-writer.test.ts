import { describe, expect, it } from 'vitest'
import { DatabaseError } from './errors.ts'
import { SerialWriter, type SerialCall } from './serial-writer.ts'

type Request = { readonly name: string; readonly repeatable: boolean }
type Answer = { readonly kind: 'done'; readonly name: string } | { readonly kind: 'closed' }

function failure(kind: DatabaseError['kind'], code: string): DatabaseError {
  return new DatabaseError(kind, code, code, {})
}

/** A writer whose calls end as the script says, one entry per call that is sent. */
function scripted(script: (DatabaseError | Error | 'done')[], stopped = new AbortController()) {
  const sent: string[] = []
  let inFlight = 0
  const call: SerialCall<Request, Answer> = {
    send: async ({ name }) => {
      sent.push(name)
      expect(++inFlight).toBe(1)
      await Promise.resolve()
      inFlight--
      const next = script.shift() ?? 'done'
      if (next !== 'done') throw next
      return { kind: 'done', name }
    },
    refused: (_request, error) => Promise.resolve(error.code === 'TM001' ? { kind: 'closed' } : undefined),
    isRepeatable: ({ repeatable }) => repeatable,
  }
  const writer = new SerialWriter(call, { giveUpAfterMs: 400, stopped: stopped.signal })
  return { writer, sent, stopped }
}

const safe = (name: string): Request => ({ name, repeatable: true })
const unsafe = (name: string): Request => ({ name, repeatable: false })

describe('calls that go one at a time', () => {
  it('are sent in order, each when the one before is done', async () => {
    const { writer, sent } = scripted([])
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => writer.append(safe(name))))
    expect(sent).toEqual(['a', 'b', 'c'])
    expect(answers).toEqual(['a', 'b', 'c'].map((name) => ({ kind: 'done', name })))
  })

  it('are sent again after an unknown outcome only where that is safe', async () => {
    const { writer, sent } = scripted([failure('unknown', '57P01'), 'done', failure('unknown', '57P01')])
    expect(await writer.append(safe('a'))).toMatchObject({ kind: 'done' })
    expect(await writer.append(unsafe('b'))).toMatchObject({ kind: 'unavailable' })
    expect(sent).toEqual(['a', 'a', 'b'])
  })

  it('that were never sent are sent again whatever they are', async () => {
    const { writer } = scripted([failure('not-sent', 'ECONNREFUSED'), 'done'])
    expect(await writer.append(unsafe('a'))).toMatchObject({ kind: 'done' })
  })

  it('are given up after a while, and the next one goes on', async () => {
    const down = Array.from({ length: 20 }, () => failure('not-sent', 'ECONNREFUSED'))
    const { writer } = scripted(down)
    expect(await writer.append(safe('a'))).toMatchObject({
      kind: 'unavailable',
      cause: expect.stringContaining('ECONN'),
    })
    down.length = 0
    expect(await writer.append(safe('b'))).toMatchObject({ kind: 'done' })
  })

  it('tell a refusal of their own from data that cannot be stored and from a bug', async () => {
    const { writer } = scripted([
      failure('rejected', 'TM001'),
      failure('rejected', '22P05'),
      failure('rejected', '42703'),
    ])
    expect(await writer.append(safe('a'))).toEqual({ kind: 'closed' })
    expect(await writer.append(safe('b'))).toMatchObject({ kind: 'invalid' })
    await expect(writer.append(safe('c'))).rejects.toThrow('42703')
    expect(await writer.append(safe('d'))).toMatchObject({ kind: 'done' })
  })

  it('are bounded in number, and answered when the store closes', async () => {
    const { writer, stopped } = scripted([])
    const waiting = Array.from({ length: 256 }, (_, at) => writer.append(safe(String(at))))
    expect(await writer.append(safe('one too many'))).toMatchObject({ kind: 'overloaded' })
    stopped.abort()
    expect((await Promise.all(waiting)).at(-1)).toMatchObject({ kind: 'unavailable' })
  })
})
