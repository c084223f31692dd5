import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { CloudUpload, History, TriangleAlert } from 'lucide-react'
import { useSyncStatus } from '@tidemark/react'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

interface MarksProps {
  readonly pending: number
  readonly attention: boolean
  readonly stale?: boolean
}

/**
 * What sets a row apart: not on the server yet, waiting for a person, or known to be behind. The pending mark is a
 * second late while the server answers, so that what is confirmed at once never blinks.
 */
export function Marks({ pending, attention, stale = false }: MarksProps): ReactNode {
  if (pending === 0 && !attention && !stale) return null
  return (
    <span className="inline-flex items-center gap-1 align-middle">
      {attention && (
        <span className="text-bad" title={words.saved.attentionMark}>
          <TriangleAlert size={15} aria-hidden />
          <span className="sr-only">{words.saved.attentionMark}</span>
        </span>
      )}
      {pending > 0 && !attention && <PendingMark />}
      {stale && (
        <span className="text-soft" title={texts.stale}>
          <History size={15} aria-hidden />
          <span className="sr-only">{texts.stale}</span>
        </span>
      )}
    </span>
  )
}

/** Its own component, so that only marked rows follow the connection. */
function PendingMark(): ReactNode {
  const live = useSyncStatus().connection === 'live'
  return (
    <span className={clsx('text-warn', live && 'animate-late')} title={words.saved.pendingMark}>
      <CloudUpload size={15} aria-hidden />
      <span className="sr-only">{words.saved.pendingMark}</span>
    </span>
  )
}
