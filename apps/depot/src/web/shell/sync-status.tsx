import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { Check, CloudOff, LoaderCircle, TriangleAlert } from 'lucide-react'
import { Link } from 'wouter'
import { useSyncStatus } from '@tidemark/react'
import { useNow } from '../ui/use-now.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { syncView, type SyncTone } from './sync-view.ts'
import { SignInAgain } from './sign-in-again.tsx'
import { useSteadyStatus } from './use-steady-status.ts'

const TONES: Readonly<Record<SyncTone, string>> = {
  good: 'text-good',
  busy: 'text-info',
  warn: 'text-warn',
  bad: 'text-bad',
}

/** The one sync indicator: text first, colour second. It leads to where something can be done about it. */
export function SyncStatusIndicator({ compact = false }: { readonly compact?: boolean }): ReactNode {
  const raw = useSyncStatus()
  const view = syncView(useSteadyStatus())
  const now = useNow()
  const target = view.key === 'attention' ? '/attention' : '/outbox'
  const detail =
    view.detail !== '' || view.key === 'loading'
      ? view.detail
      : raw.lastContactAt === null
        ? ''
        : words.saved.asOf(raw.lastContactAt, now)
  return (
    <div
      data-testid="sync-status"
      data-state={raw.connection}
      data-pending={raw.pending}
      data-attention={raw.attention}
      className={clsx('flex items-center gap-1', compact ? 'min-w-0' : 'rounded-xl bg-sunken')}
    >
      <Link
        href={target}
        className={clsx(
          'flex min-w-0 flex-1 items-center gap-2.5 rounded-xl',
          compact ? 'min-h-11 px-2' : 'px-3 py-2.5 hover:bg-line/50',
        )}
      >
        <span className={clsx('shrink-0', TONES[view.tone])}>{icon(view.tone, view.key)}</span>
        <span className="min-w-0">
          <span className={clsx('block text-xs font-medium', compact && ['truncate', TONES[view.tone]])}>
            {compact && view.key === 'saved' ? texts.savedShort : view.text}
          </span>
          {!compact && detail !== '' && <span className="block text-xs text-soft">{detail}</span>}
        </span>
      </Link>
      {view.key === 'sign-in' && <SignInAgain />}
    </div>
  )
}

function icon(tone: SyncTone, key: string): ReactNode {
  if (key === 'offline') return <CloudOff size={17} aria-hidden />
  if (tone === 'good') return <Check size={17} aria-hidden />
  if (tone === 'busy') return <LoaderCircle size={17} aria-hidden className="animate-spin" />
  return <TriangleAlert size={17} aria-hidden />
}
