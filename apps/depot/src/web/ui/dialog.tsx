import { useId, useLayoutEffect, useRef, type ReactNode } from 'react'
import { X } from 'lucide-react'
import { texts } from '../texts.ts'
import { IconButton } from './button.tsx'

interface DialogProps {
  readonly title: string
  /** Asked by Escape and by the close button; the owner then stops rendering the dialog. */
  readonly onClose: () => void
  readonly children: ReactNode
}

/** A native modal dialog: the browser keeps focus inside and gives it back. Open while it is rendered. */
export function Dialog({ title, onClose, children }: DialogProps): ReactNode {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    // Closed while still in the document: only then does focus go back to where it came from.
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      className="m-auto w-[min(30rem,calc(100vw-1.5rem))] max-h-[calc(100dvh-1.5rem)] overflow-y-auto rounded-2xl border border-line bg-raised p-0 text-ink shadow-2xl max-sm:mb-3 open:animate-rise"
    >
      <header className="flex items-center justify-between gap-3 px-5 pt-4 pb-1">
        <h2 id={titleId} className="text-base font-semibold">
          {title}
        </h2>
        <IconButton label={texts.close} onClick={onClose} className="-mr-2">
          <X size={18} aria-hidden />
        </IconButton>
      </header>
      <div className="px-5 pt-2 pb-5">{children}</div>
    </dialog>
  )
}
