import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createVerifier } from '../auth/verifier.ts'
import { ann, bob, newId, newWallet, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'
import { createWorld, readLive, versions, type World } from '../fixtures/world.ts'
import { createSyncServer } from './create-server.ts'
import { CONTENT_SECURITY_POLICY } from './security-headers.ts'

let world: World
let token: string
beforeAll(async () => {
  world = await createWorld()
  token = await world.tokenOf(ann)
})
afterAll(() => world.close())

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

async function send(path: string, init: RequestInit & { readonly token?: string | null } = {}): Promise<Answer> {
  const { token: own = token, ...rest } = init
  const headers = new Headers(rest.headers)
  if (own !== null) headers.set('authorization', `Bearer ${own}`)
  if (rest.body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  const response = await fetch(`${world.url}${path}`, { ...rest, headers })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

function post(path: string, body: unknown, init: Parameters<typeof send>[1] = {}): Promise<Answer> {
  return send(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })
}

function pushBody(...commands: unknown[]): { protocol: number; device: string; commands: unknown[] } {
  return { protocol: 1, device: newId(), commands }
}

const codeOf = (answer: Answer): unknown => (JSON.parse(answer.body) as { error?: { data?: { code?: unknown } } }).error?.data?.code

async function storedCount(): Promise<number> {
  return world.store.head(await world.store.laneOf('acme'))
}

/** The next good command lands. */
async function stillWorks(): Promise<void> {
  const answer = await post('/trpc/sync.push', pushBody(pushed(newWallet(), 'deposit', { amount: 1 })))
  expect(answer).toMatchObject({ status: 200 })
  expect(answer.body).toContain('"accepted"')
}

describe('who calls', () => {
  test('without a good token: 401 in the shape of tRPC, before the body is looked at', async () => {
    const stranger = await generateKeyPair('ES256')
    const claims = { tenant: 'acme', sub: 'ann', iss: 'tidemark-dev', aud: 'tidemark', roles: [] }
    const tokens: readonly (readonly [string, string | null])[] = [
      ['none', null],
      ['rubbish', 'rubbish'],
      ['alg none', new UnsecuredJWT(claims).setExpirationTime('1h').encode()],
      ['stranger', await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).setExpirationTime('1h').sign(stranger.privateKey)],
    ]
    const before = await storedCount()
    for (const [, bad] of tokens) {
      for (const path of ['sync.push', 'sync.pull', 'history', 'nothing']) {
        const answer = await post(`/trpc/${path}`, 'not even json', { token: bad })
        expect(answer.status).toBe(401)
        expect(codeOf(answer)).toBe('UNAUTHORIZED')
        expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      }
    }
    expect(await storedCount()).toBe(before)
  })

  test('a captured push that is replayed after its token expired is 401 and has no effect', async () => {
    let now = Date.now()
    const pair = await generateKeyPair('ES256')
    const verifier = createVerifier({ keys: { keys: [await exportJWK(pair.publicKey)] }, issuer: 'i', audience: 'a', now: () => now })
    const captured = await new SignJWT({ tenant: 'acme', sub: 'ann', iss: 'i', aud: 'a' })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(Math.floor(now / 1_000) + 60)
      .sign(pair.privateKey)
    const own = await createWorld({ verifier })
    try {
      const stream = newWallet()
      const body = JSON.stringify(pushBody(pushed(stream, 'deposit', { amount: 1 }), pushed(newWallet(), 'note', { text: 'x' })))
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${captured}` }
      const replay = (): Promise<Response> => fetch(`${own.url}/trpc/sync.push`, { method: 'POST', body, headers })
      expect((await replay()).status).toBe(200)
      expect(await own.store.head(0)).toBe(2)
      now += 61_000
      const late = await replay()
      expect(late.status).toBe(401)
      expect(await late.json()).toMatchObject({ error: { data: { code: 'UNAUTHORIZED' } } })
      expect(await own.store.head(0)).toBe(2)
    } finally {
      await own.close()
    }
  })

  test('development sign-in hands out tokens for its accounts, and is not there unless it is asked for', async () => {
    const { accounts } = JSON.parse((await send('/dev/accounts', { token: null })).body) as { accounts: { user: string }[] }
    expect(accounts.map((account) => account.user)).toEqual(['ann', 'bob', 'eve'])
    const signedIn = await post('/dev/sign-in', { tenant: 'acme', user: 'bob' }, { token: null })
    const session = JSON.parse(signedIn.body) as { token: string; principal: unknown; expiresAt: string }
    expect(session.principal).toEqual(bob)
    expect(Date.parse(session.expiresAt)).toBeGreaterThan(Date.now())
    expect((await post('/trpc/history', { protocol: 1, stream: 'x/y' }, { token: session.token })).status).toBe(200)
    expect((await post('/dev/sign-in', { tenant: 'acme', user: 'nobody' }, { token: null })).status).toBe(404)
    expect((await post('/dev/sign-in', { tenant: ['acme'], user: 'bob' }, { token: null })).status).toBe(400)
    expect((await post('/dev/sign-in', '{', { token: null })).status).toBe(400)

    const { store, projections, issuer } = world
    const strict = await createSyncServer({
      domain: walletDomain, store, projections, verifier: issuer.verifier, sealKeys: [{ id: 'k', key: new Uint8Array(32) }],
    })
    const { url } = await strict.listen({ port: 0, host: '127.0.0.1' })
    expect((await fetch(`${url}/dev/accounts`)).status).toBe(404)
    expect((await fetch(`${url}/dev/sign-in`, { method: 'POST' })).status).toBe(404)
    await strict.close()
  })
})

describe('other sites', () => {
  test.each<readonly [string, Record<string, string>]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['a sandboxed page', { origin: 'null' }],
    ['another port of this host', { origin: 'http://127.0.0.1:1' }],
    ['a browser that says cross-site', { 'sec-fetch-site': 'cross-site' }],
  ])('%s is refused, reads and streams too', async (_, headers) => {
    for (const answer of [
      await post('/trpc/sync.push', pushBody(), { headers }),
      await post('/dev/sign-in', { tenant: 'acme', user: 'bob' }, { headers }),
      await send('/trpc/sync.live?input=%7B%7D', { headers }),
    ]) {
      expect(answer.status).toBe(403)
      expect(codeOf(answer)).toBe('FORBIDDEN')
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test("the server's own pages may call", async () => {
    const headers = { origin: world.url, 'sec-fetch-site': 'same-origin' }
    expect((await post('/trpc/sync.push', pushBody(), { headers })).status).toBe(200)
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])('%s is not taken', async (type) => {
    const answer = await post('/trpc/sync.push', pushBody(), { headers: { 'content-type': type } })
    expect(answer.status).toBe(415)
    expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })
})

describe('hostile bodies', () => {
  test('JSON of depth 10,000 is answered in its command, quickly, and harms no neighbour', async () => {
    const command = JSON.stringify(pushed('wallet/a', 'note', { text: 'DEEP' }))
    const deep = command.replace('"DEEP"', `${'['.repeat(10_000)}1${']'.repeat(10_000)}`)
    const good = JSON.stringify(pushed(newWallet(), 'deposit', { amount: 1 }))
    const body = `{"protocol":1,"device":"${newId()}","commands":[${deep},${good}]}`
    await post('/trpc/sync.push', body)
    const times: number[] = []
    for (let n = 0; n < 5; n++) {
      const startedAt = performance.now()
      const answer = await post('/trpc/sync.push', body)
      times.push(performance.now() - startedAt)
      expect(JSON.parse(answer.body)).toMatchObject({
        result: { data: { answers: [{ answer: { kind: 'invalid', reason: 'unstorable', issues: [{ message: 'too_deep' }] } }, { answer: { kind: 'accepted' } }] } },
      })
    }
    expect(Math.min(...times)).toBeLessThan(50)
  })

  test('depth where an envelope should be, half a JSON, and none at all are 400', async () => {
    for (const body of ['['.repeat(10_000) + ']'.repeat(10_000), '{"protocol":1,', '', 'null', '{"protocol":1,"device":[[[[[[]]]]]],"commands":{}}', `{"protocol":${'1'.repeat(400)}}`]) {
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
      const request = httpRequest(`${world.url}/trpc/sync.push`, {
        method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error)))
      for (let sent = 0; sent < 3 * limit; sent += 65_536) request.write('x'.repeat(65_536))
      request.end()
    })
    expect(chunked).toBe(413)
    await stillWorks()
  })

  test('a list of 100,000 is 400', async () => {
    const answer = await post('/trpc/sync.push', `{"protocol":1,"device":"${newId()}","commands":[${'1,'.repeat(99_999)}1]}`)
    expect(answer.status).toBe(400)
    expect(answer.body.length).toBeLessThan(5_000)
  })

  test('NUL, lone surrogates, huge numbers and prototype keys: told per command, nothing of them stored', async () => {
    const before = await storedCount()
    const inputs = ['{"text":"a\\u0000b"}', '{"text":"a\\ud800b"}', '{"amount":1e400}', '{"__proto__":{"polluted":1},"text":"x"}', '{"constructor":{"prototype":{"polluted":1}},"text":"x"}']
    const commands = inputs.map((input) => JSON.stringify(pushed('wallet/a', input.includes('amount') ? 'deposit' : 'note', 'INPUT')).replace('"INPUT"', input))
    const answer = await post('/trpc/sync.push', `{"protocol":1,"device":"${newId()}","commands":[${commands.join()}],"__proto__":{"polluted":1}}`)
    const { answers } = (JSON.parse(answer.body) as { result: { data: { answers: { answer: { reason: string; issues: object[] } }[] } } }).result.data
    expect(answers.map((one) => one.answer.reason)).toEqual(inputs.map(() => 'unstorable'))
    for (const { answer: told } of answers) expect(told.issues[0]).toMatchObject({ path: expect.stringMatching(/^\//) })
    expect(await storedCount()).toBe(before)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    await stillWorks()
  })

  test('compressed bodies are not inflated', async () => {
    const answer = await send('/trpc/sync.push', {
      method: 'POST', body: gzipSync(Buffer.alloc(1_000_000)), headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
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
      socket.on('close', () => resolve()).on('error', reject).resume()
    })
    await stillWorks()
  })
})

describe('limits', () => {
  test('too many requests of one principal are 429 with Retry-After; others go on', async () => {
    const own = await createWorld({ limits: { rate: { burst: 5, perSecond: 0.5 } } })
    try {
      const call = async (principal: typeof ann): Promise<Response> =>
        fetch(`${own.url}/trpc/history`, {
          method: 'POST', body: '{"protocol":1,"stream":"x/y"}',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${await own.tokenOf(principal)}` },
        })
      const answers = await Promise.all(Array.from({ length: 8 }, () => call(ann)))
      expect(answers.filter((answer) => answer.status === 429)).toHaveLength(3)
      const refused = answers.find((answer) => answer.status === 429)
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await refused?.json()).toMatchObject({ error: { data: { code: 'TOO_MANY_REQUESTS' } } })
      expect((await call(bob)).status).toBe(200)
      expect(await readLive(own.url, await own.tokenOf(ann), { protocol: 1, device: newId(), cursor: 'x', projections: {} }).ended).toMatchObject({
        data: { code: 'TOO_MANY_REQUESTS' },
      })
    } finally {
      await own.close()
    }
  })

  test('without a database the answers are typed, say nothing of it, and readiness says so', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    await own.store.close()
    const [answer] = await device.push(pushed(newWallet(), 'deposit', { amount: 1 }))
    expect(answer).toMatchObject({ answer: { kind: 'retry', reason: 'unavailable' } })
    expect(await device.pull(cursor)).toMatchObject({ kind: 'retry', reason: 'unavailable' })
    const history = await device.call('history', { protocol: 1, stream: 'wallet/x' }).then(() => undefined, (error: unknown) => error)
    expect(history).toMatchObject({ message: 'Something went wrong on the server.', shape: { data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } } })
    const ready = await fetch(`${own.url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reasons: ['database'] }])
    expect((await fetch(`${own.url}/livez`)).status).toBe(200)
    await own.close()
  })

  test('what people type never reaches the log, whatever goes wrong', async () => {
    const canary = 'canary-7f3a'
    const device = await world.device(ann)
    const stream = `wallet/${canary}`
    await device.push(
      pushed(stream, 'fail', { canary }), pushed(stream, 'note', { text: canary }), pushed(stream, 'nope', { canary }),
      pushed(stream, 'deposit', { amount: canary }), pushed(stream, 'rename', { title: canary }, { base: { version: 0, after: newId() } }),
    )
    await post('/trpc/sync.push', `{"protocol":1,"${canary}":`)
    await post('/trpc/sync.push', { protocol: 1, device: canary, commands: [] })
    await post(`/trpc/${canary}`, {})
    await post('/trpc/sync.push', {}, { token: canary })
    expect(world.log.text()).toContain('wallet.fail')
    expect(world.log.text()).not.toContain(canary)
  })
})

describe('streams', () => {
  test('are not buffered or transformed on their way', async () => {
    const { cursor } = await (await world.device(ann)).sync()
    const input = encodeURIComponent(JSON.stringify({ protocol: 1, device: newId(), cursor, projections: versions }))
    const leave = new AbortController()
    const response = await fetch(`${world.url}/trpc/sync.live?input=${input}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' }, signal: leave.signal,
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('cache-control')).toContain('no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    leave.abort()
  })

  test('a consumer that stops reading is cut off, and the server forgets it', async () => {
    const own = await createWorld({ limits: { live: { beatMs: 10_000, slowConsumerMs: 300 }, streamsPerPrincipal: 1 } })
    try {
      const device = await own.device(ann)
      const { cursor } = await device.sync()
      const url = new URL(own.url)
      const input = encodeURIComponent(JSON.stringify({ protocol: 1, device: device.id, cursor, projections: versions }))
      const socket = connect(Number(url.port), url.hostname)
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
      socket.on('error', () => {})
      socket.write(`GET /trpc/sync.live?input=${input} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${await own.tokenOf(ann)}\r\n\r\n`)
      await new Promise<void>((resolve) => socket.once('data', () => resolve()))
      socket.pause()
      // Rows of half a megabyte a round, until the buffers between the two are full.
      const streams = Array.from({ length: 30 }, newWallet)
      const title = 'x'.repeat(8_000)
      const outcome = async (): Promise<string> => {
        await device.push(...streams.map((stream) => pushed(stream, 'rename', { title: title + newId() })))
        const again = device.live((await device.sync()).cursor)
        const first = await again.next().then((message) => message.kind, (error: { data?: { code?: string } }) => error.data?.code ?? 'error')
        again.close()
        return first
      }
      expect(await outcome()).toBe('TOO_MANY_REQUESTS')
      await vi.waitFor(async () => expect(['page', 'beat']).toContain(await outcome()), { timeout: 60_000, interval: 20 })
      let rest = ''
      socket.on('data', (bytes) => (rest = (rest + bytes.toString('latin1')).slice(-10_000)))
      socket.resume()
      await closed
      // Cut, in the middle of a message; a stream that ends by itself says so.
      expect(rest).not.toContain('event: return')
    } finally {
      await own.close()
    }
  }, 90_000)

  test('the server ends in time with streams open: not ready first, then a hint when to come back', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    const streams = Array.from({ length: 5 }, () => device.live(cursor))
    for (const stream of streams) await stream.next()
    expect(await (await fetch(`${own.url}/readyz`)).json()).toEqual({ ready: true, reasons: [] })
    const startedAt = performance.now()
    await own.server.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    for (const stream of streams) {
      expect(await stream.next()).toMatchObject({ kind: 'reconnect', after: expect.any(Number) })
      expect(await stream.ended).toBe('complete')
    }
    await expect(fetch(`${own.url}/livez`)).rejects.toThrow()
    await own.close()
  })

  test('the server ends in time with a stream open that nobody reads', async () => {
    const own = await createWorld()
    const device = await own.device(ann)
    const { cursor } = await device.sync()
    const url = new URL(own.url)
    const input = encodeURIComponent(JSON.stringify({ protocol: 1, device: device.id, cursor, projections: versions }))
    const socket = connect(Number(url.port), url.hostname)
    socket.on('error', () => {})
    socket.write(`GET /trpc/sync.live?input=${input} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${await own.tokenOf(ann)}\r\n\r\n`)
    await new Promise<void>((resolve) => socket.once('data', () => resolve()))
    socket.pause()
    const startedAt = performance.now()
    await own.server.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    socket.destroy()
    await own.close()
  })
})

describe('the app beside the API', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-app-'))
  let own: World
  beforeAll(async () => {
    mkdirSync(join(directory, 'assets'))
    writeFileSync(join(directory, 'index.html'), '<!doctype html><title>app</title>')
    writeFileSync(join(directory, 'sw.js'), '/* worker */')
    writeFileSync(join(directory, 'assets', 'main-abc123.js'), 'export {}')
    writeFileSync(join(directory, '.secret'), 'secret')
    own = await createWorld({ staticDirectory: directory })
  })
  afterAll(async () => {
    await own.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const get = async (path: string, accept = 'text/html'): Promise<Answer> => {
    const response = await fetch(`${own.url}${path}`, { headers: { accept } })
    return { status: response.status, headers: response.headers, body: await response.text() }
  }

  test('the page and its deep links are asked for anew, hashed files are kept', async () => {
    for (const path of ['/', '/orders', '/orders/0197-abc?x=1', '/index.html']) {
      const answer = await get(path)
      expect([path, answer.status, answer.body]).toEqual([path, 200, '<!doctype html><title>app</title>'])
      expect(answer.headers.get('cache-control')).toBe('no-cache')
      expect(answer.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
    expect((await get('/assets/main-abc123.js', '*/*')).headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await get('/sw.js', '*/*')).headers.get('cache-control')).toBe('no-cache')
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline/)
  })

  test('what is not there is not found, and what is not meant to be served is not served', async () => {
    expect((await get('/assets/main-old.js', '*/*')).status).toBe(404)
    expect((await get('/assets/main-old.js')).status).toBe(404)
    expect((await get('/orders', 'application/json')).status).toBe(404)
    expect((await get('/trpc/nothing')).status).toBe(404)
    expect((await get('/trpc')).status).toBe(404)
    for (const path of ['/.secret', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd', '/assets/../.secret']) {
      const answer = await get(path, '*/*')
      expect([path, [400, 403, 404].includes(answer.status)]).toEqual([path, true])
      expect(answer.body).not.toContain('secret')
    }
  })
})

test('handled inside another server, only what is its own is taken', async () => {
  const host = createServer((request, response) => {
    world.server.handle(request, response, () => response.end('somebody else'))
  })
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${String((host.address() as AddressInfo).port)}`
  try {
    expect(await (await fetch(`${url}/src/main.tsx`)).text()).toBe('somebody else')
    expect(await (await fetch(`${url}/developers`)).text()).toBe('somebody else')
    expect(await (await fetch(`${url}/livez`)).json()).toEqual({ alive: true })
    expect((await fetch(`${url}/dev/accounts`)).status).toBe(200)
    const live = readLive(url, token, { protocol: 1, device: newId(), cursor: (await (await world.device(ann)).sync()).cursor, projections: versions })
    expect(await live.next()).toMatchObject({ kind: 'beat' })
    live.close()
  } finally {
    host.closeAllConnections()
    host.close()
  }
})
