import { join } from 'node:path'
import type { Principal } from '@tidemark/core'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose'
import { readOrMakeSecret } from '../secret-file.ts'
import { createVerifier, type Verifier } from './verifier.ts'

/** Somebody who may be anybody: an account that the development issuer signs in without asking for a secret. */
export interface DevAccount {
  readonly tenant: string
  readonly tenantName: string
  /** The principal's id, unique inside the tenant. */
  readonly user: string
  readonly name: string
  readonly roles: readonly string[]
}

export interface DevSession {
  readonly token: string
  readonly principal: Principal
  /** ISO 8601, UTC. */
  readonly expiresAt: string
}

/**
 * Signs tokens for demo accounts, for development and demonstrations. It asks nobody for a password, so a server that
 * holds real data must run without it.
 */
export interface DevIssuer {
  readonly accounts: readonly DevAccount[]
  /** `undefined` where there is no such account. */
  signIn(tenant: string, user: string): Promise<DevSession | undefined>
  /** Accepts what {@link DevIssuer.signIn} handed out, before and after restarts. */
  readonly verifier: Verifier
}

export interface DevIssuerOptions {
  /** Where the key pair lives, readable by its owner only. */
  readonly directory: string
  readonly accounts: readonly DevAccount[]
  /** Default 12 hours. */
  readonly lifetimeMs?: number
  readonly now?: () => number
}

const ISSUER = 'tidemark-dev'
const AUDIENCE = 'tidemark'
const KEY_FILE = 'dev-issuer-key.json'

export async function createDevIssuer(options: DevIssuerOptions): Promise<DevIssuer> {
  const now = options.now ?? Date.now
  const lifetimeMs = options.lifetimeMs ?? 12 * 60 * 60 * 1_000
  const key = await readOrMakeKey(options.directory)
  const { d: _private, ...publicPart } = key
  const signingKey = await importJWK(key, 'ES256')
  const verifier = createVerifier({
    keys: { keys: [publicPart] },
    issuer: ISSUER,
    audience: AUDIENCE,
    now,
  })
  return {
    accounts: options.accounts,
    verifier,
    signIn: async (tenant, user) => {
      const account = options.accounts.find((one) => one.tenant === tenant && one.user === user)
      if (account === undefined) return undefined
      const expires = Math.floor((now() + lifetimeMs) / 1_000)
      const token = await new SignJWT({ tenant, name: account.name, roles: [...account.roles] })
        .setProtectedHeader({ alg: 'ES256', ...(key.kid === undefined ? {} : { kid: key.kid }) })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(user)
        .setIssuedAt(Math.floor(now() / 1_000))
        .setExpirationTime(expires)
        .sign(signingKey)
      return {
        token,
        principal: { id: user, tenant, name: account.name, roles: account.roles },
        expiresAt: new Date(expires * 1_000).toISOString(),
      }
    },
  }
}

async function readOrMakeKey(directory: string): Promise<JWK> {
  const path = join(directory, KEY_FILE)
  const text = await readOrMakeSecret(path, async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(privateKey)
    return JSON.stringify({ ...jwk, alg: 'ES256', kid: await calculateJwkThumbprint(jwk) })
  })
  try {
    return JSON.parse(text) as JWK
  } catch {
    throw new Error(`${path} is not a key. Delete it; everybody then has to sign in again.`)
  }
}
