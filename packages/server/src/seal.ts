import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Cursor, CursorClaims, Token, TokenClaims } from '@tidemark/core'

/** A key that seals tokens and cursors. */
export interface SealKey {
  /** Stands readable in front of what the key sealed: 1 to 16 letters, digits, `-` and `_`. */
  readonly id: string
  /** 32 random bytes. */
  readonly key: Uint8Array
}

/**
 * Seals and opens marks in a log's history. Sealed ones say nothing to the client (a plain position would tell a
 * tenant its neighbours' volume). One that cannot be opened is `null`, whatever is wrong with it: the caller answers
 * with a reset, never with an error that would help somebody who probes.
 */
export interface Sealer {
  token(claims: TokenClaims): Token
  openToken(tenant: string, token: string): TokenClaims | null
  cursor(claims: CursorClaims): Cursor
  openCursor(tenant: string, cursor: string): CursorClaims | null
}

type Mark = 'token' | 'cursor'

const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_ID = /^[A-Za-z0-9_-]{1,16}$/
/** A sealed cursor with many scopes and projections has some 2,000 characters. */
const MAX_LENGTH = 16_384

/**
 * AES-256-GCM, a random nonce per mark, kind of mark and tenant as associated data: a token is no cursor, and one
 * tenant's mark is noise to another. The first key seals; all of them open, so keys can be rotated. Old keys must
 * outlive the clients' absence, else those clients fetch all rows again.
 *
 * @throws TypeError on keys that are not usable.
 */
export function createSealer(keys: readonly SealKey[]): Sealer {
  const keysById = new Map<string, Uint8Array>()
  for (const { id, key } of keys) {
    if (!KEY_ID.test(id)) throw new TypeError(`Seal key id "${id}" is not usable: 1 to 16 of A-Z a-z 0-9 - _`)
    if (key.length !== 32) throw new TypeError(`Seal key "${id}" has ${key.length} bytes; AES-256 needs 32.`)
    if (keysById.has(id)) throw new TypeError(`Two seal keys have the id "${id}".`)
    keysById.set(id, key)
  }
  const first = keys[0]
  if (first === undefined) throw new TypeError('No seal key was given. Make one with randomBytes(32) and keep it.')

  const seal = (mark: Mark, claims: TokenClaims): string => {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', first.key, iv)
    cipher.setAAD(associated(mark, first.id, claims.tenant))
    const sealed = Buffer.concat([
      iv,
      cipher.update(JSON.stringify(claims), 'utf8'),
      cipher.final(),
      cipher.getAuthTag(),
    ])
    return `${first.id}.${sealed.toString('base64url')}`
  }

  const open = (mark: Mark, tenant: string, text: string): unknown => {
    const dot = text.indexOf('.')
    const key = dot < 1 || text.length > MAX_LENGTH ? undefined : keysById.get(text.slice(0, dot))
    if (key === undefined) return null
    const sealed = Buffer.from(text.slice(dot + 1), 'base64url')
    if (sealed.length <= IV_BYTES + TAG_BYTES) return null
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES))
      decipher.setAAD(associated(mark, text.slice(0, dot), tenant))
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      const opened = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      return JSON.parse(opened) as unknown
    } catch {
      return null
    }
  }

  return {
    token: (claims) => seal('token', claims) as Token,
    openToken: (tenant, token) => open('token', tenant, token) as TokenClaims | null,
    cursor: (claims) => seal('cursor', claims) as Cursor,
    openCursor: (tenant, cursor) => open('cursor', tenant, cursor) as CursorClaims | null,
  }
}

function associated(mark: Mark, keyId: string, tenant: string): Buffer {
  return Buffer.from(`tidemark\n${mark}\n${keyId}\n${tenant}`, 'utf8')
}
