import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDevIssuer } from './dev-issuer.ts'
import { createVerifier, type Verifier } from './verifier.ts'

let pair: Awaited<ReturnType<typeof generateKeyPair>>
let stranger: Awaited<ReturnType<typeof generateKeyPair>>
let verify: Verifier
beforeAll(async () => {
  pair = await generateKeyPair('ES256')
  stranger = await generateKeyPair('ES256')
  verify = createVerifier({ keys: { keys: [await exportJWK(pair.publicKey)] }, issuer: 'iss', audience: 'aud' })
})

interface Claims {
  readonly iss?: string
  readonly aud?: string
  readonly sub?: string
  readonly exp?: string | number
  readonly [claim: string]: unknown
}

function sign(claims: Claims = {}, key = pair.privateKey): Promise<string> {
  const { exp = '1h', ...rest } = claims
  return new SignJWT({ iss: 'iss', aud: 'aud', sub: 'ann', tenant: 'acme', name: 'Ann', roles: ['clerk'], ...rest })
    .setProtectedHeader({ alg: 'ES256' })
    .setExpirationTime(exp)
    .sign(key)
}

test('a good token says who acts, and until when', async () => {
  expect(await verify(`Bearer ${await sign({ exp: 4_000_000_000 })}`)).toEqual({
    kind: 'principal',
    principal: { id: 'ann', tenant: 'acme', name: 'Ann', roles: ['clerk'] },
    expiresAt: 4_000_000_000_000,
  })
})

test('a signature is checked once, and what was good is not good for ever, nor any other token for it', async () => {
  let time = Date.now()
  const verifyAt = createVerifier({
    keys: { keys: [await exportJWK(pair.publicKey)] },
    issuer: 'iss',
    audience: 'aud',
    now: () => time,
  })
  const checks = vi.spyOn(crypto.subtle, 'verify')
  const token = await sign()
  const first = await verifyAt(`Bearer ${token}`)
  expect(first).toMatchObject({ kind: 'principal' })
  expect(await verifyAt(`Bearer ${token}`)).toEqual(first)
  expect(checks).toHaveBeenCalledTimes(1)
  const forged = await sign({ roles: ['manager'] }, stranger.privateKey)
  expect(await verifyAt(`Bearer ${forged}`)).toEqual({ kind: 'unauthenticated', reason: 'bad-signature' })
  expect(await verifyAt(`Bearer ${forged}`)).toEqual({ kind: 'unauthenticated', reason: 'bad-signature' })
  expect(checks).toHaveBeenCalledTimes(3)
  time += 3_601_000
  expect(await verifyAt(`Bearer ${token}`)).toEqual({ kind: 'unauthenticated', reason: 'expired' })
  checks.mockRestore()
})

test('EdDSA works as well', async () => {
  const ed = await generateKeyPair('EdDSA')
  const verifyEd = createVerifier({ keys: { keys: [await exportJWK(ed.publicKey)] }, issuer: 'iss', audience: 'aud' })
  const token = await new SignJWT({ tenant: 'acme' })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer('iss')
    .setAudience('aud')
    .setSubject('ann')
    .setExpirationTime('1h')
    .sign(ed.privateKey)
  expect(await verifyEd(`Bearer ${token}`)).toMatchObject({ kind: 'principal', principal: { name: 'ann', roles: [] } })
})

describe('everybody else is unauthenticated', () => {
  const cases: readonly (readonly [string, string, () => Promise<string | undefined> | string | undefined])[] = [
    ['no header', 'missing', () => undefined],
    ['another scheme', 'malformed', () => 'Basic YTpi'],
    ['no token', 'malformed', () => 'Bearer x'],
    ['an endless token', 'malformed', () => `Bearer ${'a'.repeat(9_000)}.b.c`],
    ['rubbish', 'malformed', () => 'Bearer a.b.c'],
    [
      'algorithm none',
      'malformed',
      () => {
        const unsigned = new UnsecuredJWT({ tenant: 'acme', sub: 'ann', iss: 'iss', aud: 'aud' })
          .setExpirationTime('1h')
          .encode()
        return `Bearer ${unsigned}`
      },
    ],
    [
      'algorithm none with something for a signature',
      'bad-signature',
      () => {
        const unsigned = new UnsecuredJWT({ tenant: 'acme', sub: 'ann', iss: 'iss', aud: 'aud' })
          .setExpirationTime('1h')
          .encode()
        return `Bearer ${unsigned}AAAA`
      },
    ],
    [
      'the public key taken for a secret',
      'bad-signature',
      async () => {
        const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(pair.publicKey)))
        const token = await new SignJWT({ tenant: 'acme', sub: 'ann', iss: 'iss', aud: 'aud' })
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime('1h')
          .sign(secret)
        return `Bearer ${token}`
      },
    ],
    ["a stranger's signature", 'bad-signature', async () => `Bearer ${await sign({}, stranger.privateKey)}`],
    ['an expired token', 'expired', async () => `Bearer ${await sign({ exp: 1_000 })}`],
    ['another issuer', 'wrong-issuer', async () => `Bearer ${await sign({ iss: 'other' })}`],
    ['another audience', 'wrong-audience', async () => `Bearer ${await sign({ aud: 'other' })}`],
    ['no tenant', 'bad-claims', async () => `Bearer ${await sign({ tenant: undefined })}`],
    ['a tenant that is no name', 'bad-claims', async () => `Bearer ${await sign({ tenant: 'a\nb' })}`],
    ['a person that is no name', 'bad-claims', async () => `Bearer ${await sign({ sub: '' })}`],
    ['a person who calls himself a reaction', 'bad-claims', async () => `Bearer ${await sign({ sub: 'reaction:x' })}`],
    ['roles that are no names', 'bad-claims', async () => `Bearer ${await sign({ roles: [{ admin: true }] })}`],
  ]
  test.each(cases)('%s: %s', async (_, reason, header) => {
    expect(await verify(await header())).toEqual({ kind: 'unauthenticated', reason })
  })

  test('a token whose payload was changed', async () => {
    const [head, , signature] = (await sign()).split('.')
    const payload = Buffer.from(
      JSON.stringify({ iss: 'iss', aud: 'aud', sub: 'bob', tenant: 'acme', exp: 4_000_000_000 }),
    )
    expect(await verify(`Bearer ${head}.${payload.toString('base64url')}.${signature}`)).toMatchObject({
      reason: 'bad-signature',
    })
  })
})

describe('the development issuer', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-issuer-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const accounts = [{ tenant: 'acme', tenantName: 'Acme', user: 'ann', name: 'Ann', roles: ['picker'] }]

  test('signs in the accounts it was given and nobody else', async () => {
    const issuer = await createDevIssuer({ directory, accounts })
    const session = await issuer.signIn('acme', 'ann')
    expect(session?.principal).toEqual({ id: 'ann', tenant: 'acme', name: 'Ann', roles: ['picker'] })
    expect(await issuer.verifier(`Bearer ${session?.token}`)).toEqual({
      kind: 'principal',
      principal: session?.principal,
      expiresAt: Date.parse(session?.expiresAt ?? ''),
    })
    expect(await issuer.signIn('acme', 'bob')).toBeUndefined()
    expect(await issuer.signIn('umbrella', 'ann')).toBeUndefined()
  })

  test('keeps its key over restarts, to itself, and two that start at once have the same', async () => {
    rmSync(directory, { recursive: true, force: true })
    const [one, two] = await Promise.all([
      createDevIssuer({ directory, accounts }),
      createDevIssuer({ directory, accounts }),
    ])
    const token = (await one.signIn('acme', 'ann'))?.token
    expect(await two.verifier(`Bearer ${token}`)).toMatchObject({ kind: 'principal' })
    const [file, ...others] = readdirSync(directory)
    expect(others).toEqual([])
    expect(statSync(join(directory, file ?? '')).mode & 0o777).toBe(0o600)
    expect(await (await createDevIssuer({ directory, accounts })).verifier(`Bearer ${token}`)).toMatchObject({
      kind: 'principal',
    })
  })

  test('its tokens expire', async () => {
    let now = Date.now()
    const issuer = await createDevIssuer({ directory, accounts, lifetimeMs: 60_000, now: () => now })
    const token = (await issuer.signIn('acme', 'ann'))?.token
    now += 59_000
    expect(await issuer.verifier(`Bearer ${token}`)).toMatchObject({ kind: 'principal' })
    now += 2_000
    expect(await issuer.verifier(`Bearer ${token}`)).toMatchObject({ reason: 'expired' })
  })
})
