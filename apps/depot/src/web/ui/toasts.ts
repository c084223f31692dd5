import { createStore } from 'zustand/vanilla'

export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone?: 'bad'
  readonly action?: { readonly label: string; readonly run: () => void }
}

/** Short notes on what was just done. Whatever they offer is on a screen as well: a toast goes away. */
export const toastStore = createStore<{ readonly toasts: readonly Toast[] }>(() => ({ toasts: [] }))

const MOST = 3
let lastId = 0

export function addToast(toast: Omit<Toast, 'id'>): void {
  lastId += 1
  const added: Toast = { ...toast, id: lastId }
  toastStore.setState(({ toasts }) => ({
    // What was done last is what one may want to undo; bad news stays until it is read.
    toasts: [...toasts.filter(({ tone }) => tone === 'bad'), added].slice(-MOST),
  }))
}

export function removeToast(id: number): void {
  toastStore.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }))
}
