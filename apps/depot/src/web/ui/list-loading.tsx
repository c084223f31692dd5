import type { ReactNode } from 'react'
import { useSyncStatus } from '@tidemark/react'
import { words } from '../words.ts'

/** Rows that are still being read, or fetched for the first time. */
export function ListLoading(): ReactNode {
  const { initial } = useSyncStatus()
  const progress = typeof initial === 'object' ? initial.progress : undefined
  return (
    <div className="flex min-h-40 flex-1 animate-late flex-col items-center justify-center gap-3 text-sm text-soft">
      {progress !== undefined && (
        <progress value={progress} aria-label={words.saved.loading(progress)} className="h-1.5 w-48 accent-accent" />
      )}
      <span>{words.saved.loading(progress)}</span>
    </div>
  )
}
