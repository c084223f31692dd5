import { createStore } from 'zustand/vanilla'
import { z } from 'zod'
import type { Session } from './accounts.ts'
import { deleteStoredSession, readStoredSession, writeStoredSession } from './session-database.ts'

/**
 * Who is signed in on this device. Stored, so that the app starts signed in with no network and all tabs agree. A
 * token that has expired stays: its owner goes on working and signs in again to sync.
 */
export interface SessionState {
  readonly current: Session | undefined
  /** Changes that people left on this device when they signed out, by account. */
  readonly kept: Readonly<Record<string, number>>
}

const Stored = z.object({
  current: z
    .object({
      token: z.string(),
      principal: z.object({ id: z.string(), tenant: z.string(), name: z.string(), roles: z.array(z.string()) }),
    })
    .optional(),
  kept: z.record(z.string(), z.number()),
})

const NOBODY: SessionState = { current: undefined, kept: {} }

export const sessionStore = createStore<SessionState>(() => NOBODY)

const tabs = new BroadcastChannel('depot-session')

export function accountKey(tenant: string, user: string): string {
  return `${tenant}/${user}`
}

/** Reads who is signed in; to be awaited before the first render. */
export async function loadSession(): Promise<void> {
  const parsed = Stored.safeParse(await readStoredSession().catch(() => undefined))
  sessionStore.setState(parsed.success ? { current: parsed.data.current, kept: parsed.data.kept } : NOBODY, true)
}

/** Resolves when the session is stored: from then on the app starts with it, whatever happens to the browser. */
export async function startSession(session: Session): Promise<void> {
  const key = accountKey(session.principal.tenant, session.principal.id)
  const { [key]: _taken, ...kept } = sessionStore.getState().kept
  await write({ current: session, kept })
}

/** Signs out. `left` is how many changes stay on the device for this person's next sign-in. */
export async function endSession(left: number): Promise<void> {
  const { current, kept } = sessionStore.getState()
  if (current === undefined) return
  const key = accountKey(current.principal.tenant, current.principal.id)
  await write({ current: undefined, kept: left === 0 ? kept : { ...kept, [key]: left } })
}

/** Follows what other tabs do. Returns the way to stop. */
export function followOtherTabs(): () => void {
  const onMessage = (): void => void loadSession()
  tabs.addEventListener('message', onMessage)
  return () => tabs.removeEventListener('message', onMessage)
}

async function write(state: SessionState): Promise<void> {
  const nobody = state.current === undefined && Object.keys(state.kept).length === 0
  await (nobody ? deleteStoredSession() : writeStoredSession(state))
  sessionStore.setState(state, true)
  tabs.postMessage('changed')
}
