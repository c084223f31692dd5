import { z } from 'zod'
import type { Principal } from '@tidemark/core'

/** What the server's development issuer lists. */
const Accounts = z.object({
  accounts: z.array(
    z.object({
      tenant: z.string(),
      tenantName: z.string(),
      user: z.string(),
      name: z.string(),
      roles: z.array(z.string()),
    }),
  ),
})
export type Account = z.infer<typeof Accounts>['accounts'][number]

const SignedIn = z.object({
  token: z.string(),
  principal: z.object({ id: z.string(), tenant: z.string(), name: z.string(), roles: z.array(z.string()) }),
})
export interface Session {
  readonly token: string
  readonly principal: Principal
}

const CACHE = 'depot:accounts'

/** The last list of people this device has seen; there without a network. */
export function cachedAccounts(): readonly Account[] | undefined {
  const parsed = Accounts.safeParse(readStored(CACHE))
  return parsed.success ? parsed.data.accounts : undefined
}

/** Who can sign in; `undefined` where the server cannot be asked. */
export async function fetchAccounts(signal: AbortSignal): Promise<readonly Account[] | undefined> {
  const reply = await request('/dev/accounts', { signal })
  const parsed = Accounts.safeParse(reply)
  if (!parsed.success) return undefined
  localStorage.setItem(CACHE, JSON.stringify(parsed.data))
  return parsed.data.accounts
}

/** A fresh session; `undefined` where the server is out of reach or says no. */
export async function signIn(tenant: string, user: string): Promise<Session | undefined> {
  const reply = await request('/dev/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, user }),
  })
  const parsed = SignedIn.safeParse(reply)
  return parsed.success ? parsed.data : undefined
}

/** Name of a person of the tenant, as far as this device knows it. */
export function nameOf(tenant: string, user: string): string {
  return cachedAccounts()?.find((account) => account.tenant === tenant && account.user === user)?.name ?? user
}

export function tenantName(tenant: string): string {
  return cachedAccounts()?.find((account) => account.tenant === tenant)?.tenantName ?? tenant
}

function readStored(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

const PATIENCE_MS = 10_000

async function request(path: string, init: RequestInit): Promise<unknown> {
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const signal = init.signal == null ? patience : AbortSignal.any([init.signal, patience])
  try {
    const response = await fetch(path, { ...init, signal })
    return response.ok ? await response.json() : undefined
  } catch {
    return undefined
  }
}
