import { useEffect, useState, type ReactNode } from 'react'
import { X } from 'lucide-react'
import { clsx } from 'clsx'
import { useStore } from 'zustand'
import { texts } from '../texts.ts'
import { IconButton } from './button.tsx'
import { removeToast, toastStore, type Toast } from './toasts.ts'

const STAYS_MS = 8_000

/** Over everything but dialogs; stays while somebody points at it or has focus in it. */
export function ToastList(): ReactNode {
  const toasts = useStore(toastStore, (state) => state.toasts)
  return (
    <section
      aria-label={texts.notes}
      className="pointer-events-none fixed inset-x-0 bottom-[calc(4.5rem+env(safe-area-inset-bottom))] z-30 flex flex-col items-center gap-2 px-3 md:bottom-5"
    >
      {toasts.map((toast) => (
        <ToastItem key={toast.id} toast={toast} />
      ))}
    </section>
  )
}

function ToastItem({ toast }: { readonly toast: Toast }): ReactNode {
  const [held, setHeld] = useState(false)
  useEffect(() => {
    if (held) return undefined
    const timer = setTimeout(() => removeToast(toast.id), STAYS_MS)
    return () => clearTimeout(timer)
  }, [held, toast.id])
  return (
    <div
      role={toast.tone === 'bad' ? 'alert' : undefined}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className={clsx(
        'pointer-events-auto flex w-full max-w-md animate-rise items-center gap-2 rounded-xl border py-1.5 pr-1.5 pl-4 text-sm shadow-lg',
        toast.tone === 'bad' ? 'border-bad/40 bg-bad-wash text-bad' : 'border-line bg-raised text-ink',
      )}
    >
      <span className="min-w-0 flex-1 py-1">{toast.text}</span>
      {toast.action !== undefined && (
        <button
          type="button"
          className="min-h-8 rounded-lg px-2.5 font-medium text-accent hover:bg-accent-wash pointer-coarse:min-h-11"
          onClick={() => {
            removeToast(toast.id)
            toast.action?.run()
          }}
        >
          {toast.action.label}
        </button>
      )}
      <IconButton label={texts.dismiss} onClick={() => removeToast(toast.id)}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  )
}
