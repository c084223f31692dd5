import { registerSW } from 'virtual:pwa-register'
import { createStore } from 'zustand/vanilla'

const CHECK_EVERY_MS = 60 * 60_000

/** A new version that waits to be taken. It is never taken by itself: a form may be open. */
export const updateStore = createStore<{ readonly take: (() => Promise<void>) | undefined }>(() => ({
  take: undefined,
}))

let started = false

/** Registers the service worker, once. */
export function startUpdates(): void {
  if (started) return
  started = true
  const take = registerSW({
    onNeedRefresh: () => updateStore.setState({ take: () => take(true) }),
    onRegisteredSW: (_url, registration) => {
      if (registration === undefined) return
      // A tab that stays open for days still hears of new versions. Without a network there is nothing to ask.
      setInterval(() => void registration.update().catch(() => undefined), CHECK_EVERY_MS)
    },
  })
}
