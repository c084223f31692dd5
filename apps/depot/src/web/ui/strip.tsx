import type { ReactNode } from 'react'
import { clsx } from 'clsx'

interface StripProps {
  readonly icon: ReactNode
  readonly text: ReactNode
  readonly tone?: 'info' | 'bad'
  readonly children?: ReactNode
}

/** One message above the content, with what can be done about it. */
export function Strip({ icon, text, tone = 'info', children }: StripProps): ReactNode {
  return (
    <div
      className={clsx(
        'flex items-center gap-3 border-b border-line px-4 py-1.5 text-sm sm:px-6',
        tone === 'info' ? 'bg-info-wash text-info' : 'bg-bad-wash text-bad',
      )}
    >
      <span className="shrink-0">{icon}</span>
      <div className="min-w-0 flex-1">{text}</div>
      {children}
    </div>
  )
}
