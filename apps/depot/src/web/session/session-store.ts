import { createStore } from 'zustand/vanilla'
import { z } from 'zod'
import type { Session } from './accounts.ts'
import { readStored } from './accounts.ts'

/**
 * Who is signed in on this device. Kept in localStorage, so that the app starts signed in with no network and all
 * tabs agree. A token that has expired stays: its owner goes on working and signs in again to sync.
 */
export interface SessionState {
  readonly current: Session | undefined
  /** Changes that people left on this device when they signed out, by account. */
  readonly kept: Readonly<Record<string, number>>
}

const KEY = 'depot:session'
const Stored = z.object({
  current: z
    .object({
      token: z.string(),
      principal: z.object({ id: z.string(), tenant: z.string(), name: z.string(), roles: z.array(z.string()) }),
    })
    .optional(),
  kept: z.record(z.string(), z.number()).default({}),
})

export function accountKey(tenant: string, user: string): string {
  return `${tenant}/${user}`
}

export const sessionStore = createStore<SessionState>(() => read())

function read(): SessionState {
  const parsed = Stored.safeParse(readStored(KEY))
  return parsed.success ? { current: parsed.data.current, kept: parsed.data.kept } : { current: undefined, kept: {} }
}

function write(state: SessionState): void {
  localStorage.setItem(KEY, JSON.stringify(state))
  sessionStore.setState(state)
}

export function startSession(session: Session): void {
  const key = accountKey(session.principal.tenant, session.principal.id)
  const { [key]: _taken, ...kept } = sessionStore.getState().kept
  write({ current: session, kept })
}

/** Signs out. `left` is how many changes stay on the device for this person's next sign-in. */
export function endSession(left: number): void {
  const { current, kept } = sessionStore.getState()
  if (current === undefined) return
  const key = accountKey(current.principal.tenant, current.principal.id)
  write({ current: undefined, kept: left === 0 ? kept : { ...kept, [key]: left } })
}

/** Follows what other tabs do. Returns the way to stop. */
export function followOtherTabs(): () => void {
  const onStorage = (event: StorageEvent): void => {
    if (event.key === KEY || event.key === null) sessionStore.setState(read(), true)
  }
  addEventListener('storage', onStorage)
  return () => removeEventListener('storage', onStorage)
}
