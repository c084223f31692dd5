import { useEffect, useRef, useState, type ReactNode } from 'react'
import { words } from '../words.ts'
import { syncView, type SyncView } from './sync-view.ts'
import { useSteadyStatus } from './use-steady-status.ts'

/** Changes within this time are told as one. */
const SETTLE_MS = 1_000

/** The only polite region: mounted from the start, told once things have settled, never moves focus. */
export function LiveRegion(): ReactNode {
  const status = useSteadyStatus()
  const view = syncView(status)
  const [said, setSaid] = useState('')
  const told = useRef<SyncView['key']>('saved')
  const most = useRef(0)
  const text = [view.text, view.detail].filter(Boolean).join('. ')
  useEffect(() => {
    most.current = Math.max(most.current, status.pending)
  }, [status.pending])
  useEffect(() => {
    const timer = setTimeout(() => {
      if (view.key === 'saved') {
        if (most.current > 0) setSaid(words.saved.countServer(most.current))
        else if (told.current !== 'saved') setSaid(text)
        most.current = 0
      } else if (view.key !== 'syncing' && view.key !== told.current) {
        setSaid(text)
      }
      told.current = view.key
    }, SETTLE_MS)
    return () => clearTimeout(timer)
  }, [view.key, text])
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {said}
    </div>
  )
}
