import { isReactionPrincipalId, type Principal } from '@tidemark/core'
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'

/** Why a caller is not known. For the log; callers are only told that they are not. */
export type AuthFailure =
  | 'missing'
  | 'malformed'
  | 'bad-signature'
  | 'expired'
  | 'wrong-issuer'
  | 'wrong-audience'
  | 'bad-claims'
  /** The token is good, and the account is gone. */
  | 'no-account'

export type Verified =
  /** `expiresAt`: milliseconds since 1970. */
  | { readonly kind: 'principal'; readonly principal: Principal; readonly expiresAt: number }
  | { readonly kind: 'unauthenticated'; readonly reason: AuthFailure }

/** Turns the `Authorization` header into who acts. */
export type Verifier = (authorization: string | undefined) => Promise<Verified>

export interface VerifierOptions {
  /** The issuer's public keys. Several may be valid while keys are rotated. */
  readonly keys: JSONWebKeySet
  readonly issuer: string
  readonly audience: string
  readonly now?: () => number
}

/** Names end up in stored keys, so they are as plain as those. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@+-]{0,127}$/
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
const MAX_ROLES = 32
/** Tokens that are remembered as good, by the characters they have together. */
const REMEMBERED_LENGTH = 8_388_608
const BEARER = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

/**
 * Verifies bearer tokens: JWTs signed with ES256 or EdDSA, with `iss`, `aud`, `exp`, `sub` (the principal's id),
 * `tenant`, and optionally `name` and `roles`. Nothing else in a request says who acts. Symmetric algorithms and
 * `none` are not in the list, so no public key can pass for a secret.
 *
 * A signature is checked once: devices send the same token with every request, and checking takes a turn of another thread.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const keys = createLocalJWKSet(options.keys)
  const now = options.now ?? Date.now
  const good = new LRUCache<string, Extract<Verified, { kind: 'principal' }>>({
    maxSize: REMEMBERED_LENGTH,
    sizeCalculation: (_, token) => token.length,
  })
  return async (authorization) => {
    if (authorization === undefined) return unauthenticated('missing')
    const token = authorization.length > 8_192 ? undefined : BEARER.exec(authorization)?.[1]
    if (token === undefined) return unauthenticated('malformed')
    const known = good.get(token)
    if (known !== undefined) return now() < known.expiresAt ? known : unauthenticated('expired')
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ['ES256', 'EdDSA'],
        issuer: options.issuer,
        audience: options.audience,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(now()),
      })
      const principal = toPrincipal(payload)
      if (principal === undefined || payload.exp === undefined) return unauthenticated('bad-claims')
      const verified = { kind: 'principal' as const, principal, expiresAt: payload.exp * 1_000 }
      good.set(token, verified)
      return verified
    } catch (error) {
      return unauthenticated(failureOf(error))
    }
  }
}

function toPrincipal(payload: JWTPayload): Principal | undefined {
  const {
    sub,
    tenant,
    name,
    roles = [],
  } = payload as JWTPayload & { tenant?: unknown; name?: unknown; roles?: unknown }
  if (typeof sub !== 'string' || !NAME.test(sub) || typeof tenant !== 'string' || !NAME.test(tenant)) return undefined
  // What reactions may do is nobody else's, whatever an issuer lets people call themselves.
  if (isReactionPrincipalId(sub)) return undefined
  if (!Array.isArray(roles) || roles.length > MAX_ROLES) return undefined
  if (!roles.every((role): role is string => typeof role === 'string' && ROLE.test(role))) return undefined
  return { id: sub, tenant, name: typeof name === 'string' ? name.slice(0, 200) : sub, roles }
}

function failureOf(error: unknown): AuthFailure {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'wrong-issuer'
    return error.claim === 'aud' ? 'wrong-audience' : 'bad-claims'
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'malformed'
  return 'bad-signature'
}

function unauthenticated(reason: AuthFailure): Verified {
  return { kind: 'unauthenticated', reason }
}
