import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createVerifier } from '../auth/verifier.ts'
import { codeOf, createCaller, pushBody, type Answer } from '../fixtures/http.ts'
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

const { send, post } = createCaller(
  () => world.url,
  () => token,
)

async function storedCount(): Promise<number> {
  return world.store.head(await world.store.laneOf('acme'))
}

describe('who calls', () => {
  test('without a good token: 401 in the shape of tRPC, before the body is looked at', async () => {
    const stranger = await generateKeyPair('ES256')
    const claims = { tenant: 'acme', sub: 'ann', iss: 'tidemark-dev', aud: 'tidemark', roles: [] }
    const tokens: readonly (readonly [string, string | null])[] = [
      ['none', null],
      ['rubbish', 'rubbish'],
      ['alg none', new UnsecuredJWT(claims).setExpirationTime('1h').encode()],
      [
        'stranger',
        await new SignJWT(claims)
          .setProtectedHeader({ alg: 'ES256' })
          .setExpirationTime('1h')
          .sign(stranger.privateKey),
      ],
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
    const verifier = createVerifier({
      keys: { keys: [await exportJWK(pair.publicKey)] },
      issuer: 'i',
      audience: 'a',
      now: () => now,
    })
    const captured = await new SignJWT({ tenant: 'acme', sub: 'ann', iss: 'i', aud: 'a' })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(Math.floor(now / 1_000) + 60)
      .sign(pair.privateKey)
    const own = await createWorld({ verifier })
    try {
      const stream = newWallet()
      const body = JSON.stringify(
        pushBody(pushed(stream, 'deposit', { amount: 1 }), pushed(newWallet(), 'note', { text: 'x' })),
      )
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
    const { accounts } = JSON.parse((await send('/dev/accounts', { token: null })).body) as {
      accounts: { user: string }[]
    }
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
      domain: walletDomain,
      store,
      projections,
      verifier: issuer.verifier,
      sealKeys: [{ id: 'k', key: new Uint8Array(32) }],
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

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    '%s is not taken',
    async (type) => {
      const answer = await post('/trpc/sync.push', pushBody(), { headers: { 'content-type': type } })
      expect(answer.status).toBe(415)
      expect(codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
    },
  )
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
    expect((await get('/assets/main-abc123.js', '*/*')).headers.get('cache-control')).toBe(
      'public, max-age=31536000, immutable',
    )
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

test('metrics are told where that is asked for, projections and reactions', async () => {
  expect((await fetch(`${world.url}/metrics`)).status).toBe(404)
  await world.store.sql().query("select tidemark.register_reaction('watch', false)")
  await world.restart({ metrics: true })
  const answer = await fetch(`${world.url}/metrics`)
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  const text = await answer.text()
  expect(text).toContain('tidemark_projections_head_position{lane="0"}')
  expect(text).toContain('tidemark_reactions_lag_events{reaction="watch",lane="0"} 0')
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
    const live = readLive(url, token, {
      protocol: 1,
      device: newId(),
      cursor: (await (await world.device(ann)).sync()).cursor,
      projections: versions,
    })
    expect(await live.next()).toMatchObject({ kind: 'beat' })
    live.close()
  } finally {
    host.closeAllConnections()
    host.close()
  }
})
