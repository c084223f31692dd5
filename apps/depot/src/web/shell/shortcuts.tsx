import { useEffect, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Dialog } from '../ui/dialog.tsx'
import { texts } from '../texts.ts'

const GO: Readonly<Record<string, string>> = {
  v: '/overview',
  o: '/orders',
  s: '/stock',
  x: '/outbox',
  a: '/attention',
}
/** The second key of `g o` must follow within this time. */
const CHORD_MS = 1_500

/** Keyboard ways to everything that is done often; `?` lists them. */
export function Shortcuts(): ReactNode {
  const [, navigate] = useLocation()
  const [listed, setListed] = useState(false)
  useEffect(() => {
    let chordAt = 0
    const onKey = (event: KeyboardEvent): void => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        document.querySelector('dialog[open]') !== null
      )
        return
      const second = event.timeStamp - chordAt < CHORD_MS ? GO[event.key] : undefined
      chordAt = event.key === 'g' ? event.timeStamp : 0
      if (second !== undefined) navigate(second)
      else if (event.key === 'n') navigate('/orders/new')
      else if (event.key === '?') setListed(true)
      else if (event.key === '/') document.querySelector<HTMLInputElement>('[data-search]')?.focus()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [navigate])
  if (!listed) return null
  return (
    <Dialog title={texts.shortcuts.title} onClose={() => setListed(false)}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2 text-sm">
        {texts.shortcuts.list.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt className="flex gap-1">
              {keys.split(' ').map((key) => (
                <kbd key={key} className="rounded-md border border-edge/50 bg-sunken px-1.5 py-0.5 font-mono text-xs">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd className="text-soft">{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
