import type { Principal } from '@tidemark/core'
import { LRUCache } from 'lru-cache'
import { errorFields, type Logger } from '../logger.ts'

/** What an account may do now; `undefined` where there is no such account any more. Rejects in an outage. */
export type AccountOf = (
  principal: Pick<Principal, 'tenant' | 'id'>,
) => Promise<Pick<Principal, 'name' | 'roles'> | undefined>

/** Who callers are now, whatever their tokens say: a token tells what was true when it was made. */
export interface Standing {
  /** The principal with the rights of today; `undefined` where the account is gone. Rejects where nobody can tell. */
  of(principal: Principal): Promise<Principal | undefined>
  /** The account is another: whoever asks next gets the new one, and its streams look at once. */
  changed(account: Pick<Principal, 'tenant' | 'id'>): void
  /** Calls when the account has changed. Returns the end of it. */
  watch(account: Pick<Principal, 'tenant' | 'id'>, listener: () => void): () => void
}

/** How long an account is taken to be what it was: what a change on another node takes to be seen here. */
export const STANDING_MS = 5_000
const MAX_ACCOUNTS = 20_000

interface Known {
  readonly account: ReturnType<AccountOf>
  readonly until: number
}

/** Without `accountOf`, what tokens say holds until they expire. */
export function createStanding(options: {
  readonly accountOf?: AccountOf | undefined
  readonly now: () => number
  readonly logger: Logger
}): Standing {
  const { accountOf, now, logger } = options
  const known = new LRUCache<string, Known>({ max: MAX_ACCOUNTS })
  const listenersByAccount = new Map<string, Set<() => void>>()

  const look = (key: string, principal: Principal, ask: AccountOf): ReturnType<AccountOf> => {
    const before = known.get(key)
    if (before !== undefined && now() < before.until) return before.account
    const account = ask(principal).catch((error: unknown) => {
      logger.warn('an account could not be looked at', errorFields(error))
      // In an outage what was last seen holds on: signing everybody out would help nobody.
      if (before !== undefined) return before.account
      if (known.get(key)?.account === account) known.delete(key)
      throw error
    })
    known.set(key, { account, until: now() + STANDING_MS })
    return account
  }

  return {
    of: async (principal) => {
      if (accountOf === undefined) return principal
      const account = await look(keyOf(principal), principal, accountOf)
      return account && { ...principal, name: account.name, roles: account.roles }
    },
    changed: (account) => {
      const key = keyOf(account)
      known.delete(key)
      for (const listener of [...(listenersByAccount.get(key) ?? [])]) listener()
    },
    watch: (account, listener) => {
      const key = keyOf(account)
      const listeners = listenersByAccount.get(key) ?? new Set()
      // A closure of its own: two streams may hand in one function.
      const own = (): void => listener()
      listeners.add(own)
      listenersByAccount.set(key, listeners)
      return () => {
        listeners.delete(own)
        if (listeners.size === 0 && listenersByAccount.get(key) === listeners) listenersByAccount.delete(key)
      }
    },
  }
}

function keyOf({ tenant, id }: Pick<Principal, 'tenant' | 'id'>): string {
  return `${tenant}\n${id}`
}
