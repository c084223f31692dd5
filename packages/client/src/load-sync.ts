import type { Sync, SyncOptions } from './open-sync.ts'
import { createPart } from './part.ts'
import { NOTHING_SENDING } from './queue.ts'
import type { SyncState } from './sync-state.ts'

/** How long after it could not be loaded it is tried again. Milliseconds. */
const RETRY = 5_000

/**
 * The network loop, in a part of the program that is loaded when this tab first leads: the first paint needs nothing of
 * it. Where it cannot be loaded the state says `offline`, which is what it comes to, and it is tried again.
 */
export function loadSync(
  options: SyncOptions,
  fetchPart: () => Promise<{ readonly openSync: (options: SyncOptions) => Sync }> = () =>
    import('./after-first-paint.ts'),
): Sync {
  const part = createPart(fetchPart)
  let opened: Sync | undefined
  let state: SyncState = { kind: 'idle' }
  let cancelRetry = (): void => undefined

  function load(): void {
    cancelRetry()
    part().then(
      ({ openSync }) => {
        if (state.kind === 'closed') return
        opened ??= openSync(options)
        if (state.kind !== 'idle') opened.lead()
      },
      (error: unknown) => {
        if (state.kind === 'closed' || state.kind === 'idle') return
        options.onTrouble(error)
        setState({ kind: 'waiting', failures: 1, shown: 'offline' })
        cancelRetry = options.platform.setTimer(load, RETRY)
      },
    )
  }

  function setState(next: SyncState): void {
    state = next
    options.onChange()
  }

  return {
    get state() {
      return opened?.state ?? state
    },
    get sending() {
      return opened?.sending ?? NOTHING_SENDING
    },
    get lastContact() {
      return opened?.lastContact ?? null
    },
    get progress() {
      return opened?.progress ?? null
    },
    lead: () => {
      if (opened !== undefined) return opened.lead()
      if (state.kind !== 'idle') return
      setState({ kind: 'pulling', failures: 0, shown: 'connecting' })
      load()
    },
    follow: () => {
      if (opened !== undefined) return opened.follow()
      if (state.kind === 'closed') return
      cancelRetry()
      setState({ kind: 'idle' })
    },
    work: () => opened?.work(),
    wake: () => {
      if (opened !== undefined) opened.wake()
      else if (state.kind === 'waiting') load()
    },
    askAgain: async () => await opened?.askAgain(),
    close: async () => {
      cancelRetry()
      state = { kind: 'closed' }
      await opened?.close()
    },
  }
}
