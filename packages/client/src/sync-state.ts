import type { TransportFailure } from '@tidemark/core'
import type { SyncStatus } from './tidemark-client.ts'

type Connection = SyncStatus['connection']

/** Where the network loop of the leading tab stands. `shown` is what the last evidence says; SPEC.md has the table. */
export type SyncState =
  /** Another tab leads, or none does yet. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'pulling'; readonly failures: number; readonly shown: Connection }
  /** The live stream was asked for; nothing has arrived on it. */
  | { readonly kind: 'connecting'; readonly failures: number; readonly shown: Connection }
  | { readonly kind: 'live' }
  /** Until a timer, or something that makes trying at once sensible. */
  | { readonly kind: 'waiting'; readonly failures: number; readonly shown: Connection }
  | { readonly kind: 'closed' }

export type SyncEvent =
  | { readonly kind: 'lead' }
  /** Another tab has taken the lead. */
  | { readonly kind: 'follow' }
  /** A pull reached its cut and is stored. */
  | { readonly kind: 'pulled' }
  /** The live stream delivered something. */
  | { readonly kind: 'message' }
  /** What is here cannot be continued by the stream: a pull is due. */
  | { readonly kind: 'pull-due' }
  /** The live stream ended without a reason. */
  | { readonly kind: 'ended' }
  /** The server asked to come back after so many milliseconds. */
  | { readonly kind: 'come-back'; readonly after: number }
  | { readonly kind: 'busy'; readonly after: number }
  | { readonly kind: 'failed'; readonly failure: TransportFailure }
  | { readonly kind: 'upgrade' }
  | { readonly kind: 'storage-failed' }
  /** Online again, visible again, or a person asks. */
  | { readonly kind: 'wake' }
  | { readonly kind: 'timer' }
  | { readonly kind: 'close' }

/** What the process must do. Every effect but `none` first ends what is under way. */
export type SyncEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'pull' }
  | { readonly kind: 'live' }
  | { readonly kind: 'wait'; readonly failures: number; readonly atLeast: number }
  /** Nothing until it leads again. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'halt' }

export interface SyncStep {
  readonly state: SyncState
  readonly effect: SyncEffect
}

/** Backoff: full jitter over 500 ms · 2ⁿ, at most 30 s (AWS Architecture Blog, "Exponential Backoff And Jitter"). */
export function backoff(failures: number, atLeast: number, jitter: number): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(failures, 10))
  return Math.max(atLeast, Math.round(jitter * ceiling))
}

/** How long a client waits by itself before it asks again whether signing in, or an update, has happened. */
const SIGN_IN_RETRY = 30_000
const UPGRADE_RETRY = 60_000

/** Total: every event has an answer in every state. */
export function nextSyncStep(state: SyncState, event: SyncEvent): SyncStep {
  const stay: SyncStep = { state, effect: { kind: 'none' } }
  if (state.kind === 'closed') return stay
  if (event.kind === 'close') return { state: { kind: 'closed' }, effect: { kind: 'halt' } }
  if (state.kind === 'idle') return event.kind === 'lead' ? pull(0, 'connecting') : stay

  switch (event.kind) {
    case 'lead':
      return stay
    case 'follow':
      return { state: { kind: 'idle' }, effect: { kind: 'rest' } }
    case 'pulled':
      return state.kind === 'pulling'
        ? { state: { kind: 'connecting', failures: state.failures, shown: 'connecting' }, effect: { kind: 'live' } }
        : stay
    case 'message':
      return state.kind === 'connecting' ? { state: { kind: 'live' }, effect: { kind: 'none' } } : stay
    case 'pull-due':
      return isConnected(state) ? pull(failuresOf(state), shownBy(state)) : stay
    case 'ended':
      // A stream that was up has earned a quick return; one that never spoke counts as a failure.
      if (state.kind === 'live') return wait(0, 'connecting', 0)
      return state.kind === 'connecting' ? wait(state.failures + 1, 'offline', 0) : stay
    case 'come-back':
      return isConnected(state) ? wait(0, 'connecting', event.after) : stay
    case 'busy':
      return isActive(state) ? wait(failuresOf(state) + 1, 'server-busy', event.after) : stay
    case 'failed':
      return isActive(state) ? afterFailure(failuresOf(state) + 1, event.failure) : stay
    case 'upgrade':
      return isActive(state) ? wait(failuresOf(state) + 1, 'upgrade-required', UPGRADE_RETRY) : stay
    case 'storage-failed':
      return isActive(state) ? wait(failuresOf(state) + 1, 'storage-trouble', 0) : stay
    case 'wake':
      // Failures from before say nothing about the network that is there now: backing off starts anew.
      return state.kind === 'waiting' ? pull(0, state.shown) : stay
    case 'timer':
      return state.kind === 'waiting' ? pull(state.failures, state.shown) : stay
  }
}

/** Whether commands may be sent now. While waiting they stay: the server was just seen to be out of reach. */
export function mayPush(state: SyncState): boolean {
  return isActive(state)
}

function afterFailure(failures: number, failure: TransportFailure): SyncStep {
  switch (failure.kind) {
    case 'unreachable':
      return wait(failures, 'offline', 0)
    case 'unreadable':
      return wait(failures, 'server-busy', 0)
    case 'unavailable':
      return wait(failures, 'server-busy', failure.after)
    case 'unauthenticated':
      return wait(failures, 'needs-sign-in', SIGN_IN_RETRY)
  }
}

function pull(failures: number, shown: Connection): SyncStep {
  return { state: { kind: 'pulling', failures, shown }, effect: { kind: 'pull' } }
}

function wait(failures: number, shown: Connection, atLeast: number): SyncStep {
  return { state: { kind: 'waiting', failures, shown }, effect: { kind: 'wait', failures, atLeast } }
}

function isConnected(state: SyncState): boolean {
  return state.kind === 'connecting' || state.kind === 'live'
}

function isActive(state: SyncState): boolean {
  return state.kind === 'pulling' || isConnected(state)
}

function failuresOf(state: SyncState): number {
  return 'failures' in state ? state.failures : 0
}

function shownBy(state: SyncState): Connection {
  return state.kind === 'live' ? 'live' : 'shown' in state ? state.shown : 'connecting'
}
