import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { words } from '../words.ts'

export type Tone = 'neutral' | 'good' | 'info' | 'warn' | 'bad'

const TONES: Readonly<Record<Tone, string>> = {
  neutral: 'bg-sunken text-soft',
  good: 'bg-good-wash text-good',
  info: 'bg-info-wash text-info',
  warn: 'bg-warn-wash text-warn',
  bad: 'bg-bad-wash text-bad',
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <span
      className={clsx(
        'inline-flex items-center rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        TONES[tone],
      )}
    >
      {children}
    </span>
  )
}

const BY_STATUS = { new: 'neutral', open: 'info', shipped: 'good', cancelled: 'neutral' } as const

export function StatusBadge({ status }: { readonly status: keyof typeof BY_STATUS }): ReactNode {
  return <Badge tone={BY_STATUS[status]}>{words.status[status]}</Badge>
}
