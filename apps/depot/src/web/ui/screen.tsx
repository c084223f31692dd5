import { useEffect, type ReactNode } from 'react'

interface ScreenProps {
  readonly title: string
  /** What stands beside the title: the screen's main action. */
  readonly actions?: ReactNode
  readonly subtitle?: ReactNode
  readonly children: ReactNode
  /** Lists scroll inside themselves; other screens scroll as a whole. */
  readonly fills?: boolean
}

/** Title, main action and content of one screen; also names the document. */
export function Screen({ title, actions, subtitle, children, fills = false }: ScreenProps): ReactNode {
  useEffect(() => {
    document.title = `${title} · Tidemark Depot`
  }, [title])
  return (
    <main
      id="main"
      tabIndex={-1}
      className={fills ? 'flex min-h-0 flex-1 flex-col outline-none' : 'min-h-0 flex-1 overflow-y-auto outline-none'}
    >
      <div className={fills ? 'flex min-h-0 flex-1 flex-col' : 'mx-auto max-w-6xl pb-8'}>
        <header className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 pt-4 pb-3 sm:px-6 sm:pt-5">
          <div className="min-w-0">
            <h1 className="truncate text-xl font-semibold tracking-tight">{title}</h1>
            {subtitle !== undefined && <div className="mt-0.5 text-sm text-soft">{subtitle}</div>}
          </div>
          {actions !== undefined && (
            <div className="flex flex-wrap items-center gap-2 max-sm:has-[>.grid]:w-full">{actions}</div>
          )}
        </header>
        {children}
      </div>
    </main>
  )
}

interface EmptyProps {
  readonly icon: ReactNode
  readonly title: string
  readonly text?: string
  readonly children?: ReactNode
}

/** What a list shows when there is nothing in it: why, and what to do. */
export function Empty({ icon, title, text, children }: EmptyProps): ReactNode {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-16 text-center">
      <div className="mb-1 flex size-12 items-center justify-center rounded-full bg-sunken text-soft">{icon}</div>
      <p className="font-medium">{title}</p>
      {text !== undefined && <p className="text-sm text-soft">{text}</p>}
      {children !== undefined && <div className="mt-3 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  )
}
