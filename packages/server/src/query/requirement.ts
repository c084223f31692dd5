import type { Sealer } from '../seal.ts'

/** The log as the reader finds it. */
export interface History {
  readonly epoch: string
  readonly tenant: string
  readonly lane: number
}

/** The position that all of the tokens have reached; 0 for none. */
export type TokenPosition =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'unknown_token' }

/**
 * What tokens ask for. A tenant is in one lane, so one position covers writes to any number of its aggregates. A token
 * that cannot be read, or is of another history or lane, can never be reached; nothing is waited for then. A client's
 * cursor is as good as a token. Pure but for opening them.
 */
export function toPosition(
  sealer: Pick<Sealer, 'openToken' | 'openCursor'>,
  { epoch, tenant, lane }: History,
  tokens: readonly string[],
): TokenPosition {
  let position = 0
  for (const token of tokens) {
    const claims = sealer.openToken(tenant, token) ?? sealer.openCursor(tenant, token)
    if (claims === null || claims.epoch !== epoch || claims.tenant !== tenant || claims.lane !== lane) {
      return { kind: 'unknown_token' }
    }
    position = Math.max(position, claims.position)
  }
  return { kind: 'position', position }
}
