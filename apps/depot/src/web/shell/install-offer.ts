/** Chromium's offer to install the app; no type library has it. */
interface InstallPromptEvent extends Event {
  prompt(): Promise<unknown>
}

export type InstallOffer =
  | { readonly kind: 'ask'; readonly ask: () => Promise<void> }
  | { readonly kind: 'ios' }
  | undefined

let offer: InstallOffer = iosHint()
const listeners = new Set<() => void>()

/** How this browser can install the app; `undefined` where it cannot, or has. */
export const installOffer = {
  get: (): InstallOffer => offer,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

function set(next: InstallOffer): void {
  offer = next
  for (const listener of listeners) listener()
}

function iosHint(): InstallOffer {
  const installed = matchMedia('(display-mode: standalone)').matches
  return /iPhone|iPad/.test(navigator.userAgent) && !installed ? { kind: 'ios' } : undefined
}

// At load: the browser makes its offer once, and early.
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault()
  const ask = async (): Promise<void> => {
    await (event as InstallPromptEvent).prompt()
    set(undefined)
  }
  set({ kind: 'ask', ask })
})
addEventListener('appinstalled', () => set(undefined))
