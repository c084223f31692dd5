import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, createCaller, pushBody } from '../fixtures/http.ts'
import { ann, newId, newWallet, pushed } from '../fixtures/push.ts'
import { createWorld, type World } from '../fixtures/world.ts'

let world: World
let token: string
beforeAll(async () => {
  world = await createWorld()
  token = await world.tokenOf(ann)
})
afterAll(() => world.close())

const { send, post } = createCaller(
  () => world.url,
  () => token,
)

async function storedCount(): Promise<number> {
  return world.store.head(await world.store.laneOf('acme'))
}

/** The next good command lands. */
async function stillWorks(): Promise<void> {
  const answer = await post('/trpc/sync.push', pushBody(pushed(newWallet(), 'deposit', { amount: 1 })))
  expect(answer).toMatchObject({ status: 200 })
  expect(answer.body).toContain('"accepted"')
}

describe('hostile bodies', () => {
  test('JSON of depth 10,000 is answered in its command, quickly, and harms no neighbour', async () => {
    const command = JSON.stringify(pushed('wallet/a', 'note', { text: 'DEEP' }))
    const deep = command.replace('"DEEP"', `${'['.repeat(10_000)}1${']'.repeat(10_000)}`)
    const good = JSON.stringify(pushed(newWallet(), 'deposit', { amount: 1 }))
    const body = `{"protocol":1,"device":"${newId()}","commands":[${deep},${good}]}`
    // As long, and harmless: the same work but for the depth.
    const flat = pushBody(
      pushed('wallet/a', 'note', { text: 'x'.repeat(20_001) }),
      pushed(newWallet(), 'deposit', { amount: 1 }),
    )
    await post('/trpc/sync.push', body)
    const times: number[] = []
    const flatTimes: number[] = []
    for (let n = 0; n < 7; n++) {
      const flatAt = performance.now()
      expect(await post('/trpc/sync.push', flat)).toMatchObject({ status: 200 })
      flatTimes.push(performance.now() - flatAt)
      const startedAt = performance.now()
      const answer = await post('/trpc/sync.push', body)
      times.push(performance.now() - startedAt)
      expect(JSON.parse(answer.body)).toMatchObject({
        result: {
          data: {
            answers: [
              { answer: { kind: 'invalid', reason: 'unstorable', issues: [{ message: 'too_deep' }] } },
              { answer: { kind: 'accepted' } },
            ],
          },
        },
      })
    }
    expect(Math.min(...times) / Math.min(...flatTimes)).toBeLessThan(20)
  })

  test('depth where an envelope should be, half a JSON, and none at all are 400', async () => {
    for (const body of [
      '['.repeat(10_000) + ']'.repeat(10_000),
      '{"protocol":1,',
      '',
      'null',
      '{"protocol":1,"device":[[[[[[]]]]]],"commands":{}}',
      `{"protocol":${'1'.repeat(400)}}`,
    ]) {
      const answer = await post('/trpc/sync.push', body)
      expect(answer.status).toBe(400)
      expect(answer.body).not.toMatch(/stack|node_modules|at .*\.ts/)
    }
    await stillWorks()
  })

  test('a body over the limit is 413, whether its length is declared or not', async () => {
    const limit = 1_048_576
    const declared = await post('/trpc/sync.push', `"${'x'.repeat(limit)}"`)
    expect(declared.status).toBe(413)
    expect(codeOf(declared)).toBe('PAYLOAD_TOO_LARGE')
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        `${world.url}/trpc/sync.push`,
        {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
      request.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
      )
      for (let sent = 0; sent < 3 * limit; sent += 65_536) request.write('x'.repeat(65_536))
      request.end()
    })
    expect(chunked).toBe(413)
    await stillWorks()
  })

  test('a list of 100,000 is 400', async () => {
    const answer = await post(
      '/trpc/sync.push',
      `{"protocol":1,"device":"${newId()}","commands":[${'1,'.repeat(99_999)}1]}`,
    )
    expect(answer.status).toBe(400)
    expect(answer.body.length).toBeLessThan(5_000)
  })

  test('NUL, lone surrogates, huge numbers and prototype keys: told per command, nothing of them stored', async () => {
    const before = await storedCount()
    const inputs = [
      '{"text":"a\\u0000b"}',
      '{"text":"a\\ud800b"}',
      '{"amount":1e400}',
      '{"__proto__":{"polluted":1},"text":"x"}',
      '{"constructor":{"prototype":{"polluted":1}},"text":"x"}',
    ]
    const commands = inputs.map((input) =>
      JSON.stringify(pushed('wallet/a', input.includes('amount') ? 'deposit' : 'note', 'INPUT')).replace(
        '"INPUT"',
        input,
      ),
    )
    const answer = await post(
      '/trpc/sync.push',
      `{"protocol":1,"device":"${newId()}","commands":[${commands.join()}],"__proto__":{"polluted":1}}`,
    )
    const { answers } = (
      JSON.parse(answer.body) as { result: { data: { answers: { answer: { reason: string; issues: object[] } }[] } } }
    ).result.data
    expect(answers.map((one) => one.answer.reason)).toEqual(inputs.map(() => 'unstorable'))
    for (const { answer: told } of answers) expect(told.issues[0]).toMatchObject({ path: expect.stringMatching(/^\//) })
    expect(await storedCount()).toBe(before)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    await stillWorks()
  })

  test('compressed bodies are not inflated', async () => {
    const answer = await send('/trpc/sync.push', {
      method: 'POST',
      body: gzipSync(Buffer.alloc(1_000_000)),
      headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(415)
  })

  test('batched calls are capped, and too many commands are refused as a whole', async () => {
    const many = await post(`/trpc/${Array.from({ length: 11 }, () => 'history').join()}?batch=1`, '{}')
    expect(many.status).toBe(400)
    const thousand = await post(`/trpc/${Array.from({ length: 1_000 }, () => 'history').join()}?batch=1`, '{}')
    expect([400, 404, 414, 429]).toContain(thousand.status)
    expect((await post('/trpc/sync.push', pushBody(...Array.from({ length: 10_000 }, () => 1)))).status).toBe(400)
    await stillWorks()
  })

  test('garbage on the socket ends with the connection, not with the server', async () => {
    const { port, hostname } = new URL(world.url)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write('\u0000\u0001 garbage\r\n\r\n'))
      socket
        .on('close', () => resolve())
        .on('error', reject)
        .resume()
    })
    await stillWorks()
  })
})
