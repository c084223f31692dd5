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
  const [said, setSaid] = useState({ text: '', count: 0 })
  const told = useRef<SyncView['key']>('saved')
  const most = useRef(0)
  const text = [view.text, view.detail].filter(Boolean).join('. ')
  useEffect(() => {
    most.current = Math.max(most.current, status.pending)
  }, [status.pending])
  useEffect(() => {
    const say = (words: string): void => setSaid(({ count }) => ({ text: words, count: count + 1 }))
    const timer = setTimeout(() => {
      if (view.key === 'saved') {
        if (most.current > 0) say(words.saved.countServer(most.current))
        else if (told.current !== 'saved') say(text)
        most.current = 0
      } else if (view.key !== 'syncing' && view.key !== told.current) {
        say(text)
      }
      told.current = view.key
    }, SETTLE_MS)
    return () => clearTimeout(timer)
  }, [view.key, text])
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {/* Saying the same again must change the text, or it is not read out. */}
      {said.text + (said.count % 2 === 0 ? '' : '\u00a0')}
    </div>
  )
}
