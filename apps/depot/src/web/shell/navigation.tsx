import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { Boxes, ChartColumn, ClipboardList, Send, TriangleAlert } from 'lucide-react'
import { Link, useLocation } from 'wouter'
import { useSyncStatus } from '@tidemark/react'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

interface Place {
  readonly href: string
  readonly label: string
  readonly icon: ReactNode
  readonly count: number
  readonly tone: 'warn' | 'bad'
  readonly counted: string
}

function usePlaces(): readonly Place[] {
  const { pending, attention } = useSyncStatus()
  return [
    {
      href: '/overview',
      label: texts.nav.overview,
      icon: <ChartColumn size={19} aria-hidden />,
      count: 0,
      tone: 'warn',
      counted: '',
    },
    {
      href: '/orders',
      label: texts.nav.orders,
      icon: <ClipboardList size={19} aria-hidden />,
      count: 0,
      tone: 'warn',
      counted: '',
    },
    {
      href: '/stock',
      label: texts.nav.stock,
      icon: <Boxes size={19} aria-hidden />,
      count: 0,
      tone: 'warn',
      counted: '',
    },
    {
      href: '/outbox',
      label: texts.nav.outbox,
      icon: <Send size={19} aria-hidden />,
      count: pending,
      tone: 'warn',
      counted: words.saved.countDevice(pending),
    },
    {
      href: '/attention',
      label: texts.nav.attention,
      icon: <TriangleAlert size={19} aria-hidden />,
      count: attention,
      tone: 'bad',
      counted: words.saved.attention(attention),
    },
  ]
}

/** The places of the app: a column beside the content, or tabs under the thumb. */
export function Navigation({ tabs = false }: { readonly tabs?: boolean }): ReactNode {
  const [path] = useLocation()
  const places = usePlaces()
  return (
    <nav aria-label={texts.nav.label}>
      <ul className={tabs ? 'grid grid-cols-5' : 'flex flex-col gap-0.5'}>
        {places.map((place) => {
          const here = path === place.href || path.startsWith(`${place.href}/`)
          return (
            <li key={place.href}>
              <Link
                href={place.href}
                aria-current={here ? 'page' : undefined}
                className={clsx(
                  '-outline-offset-2 transition-colors',
                  tabs
                    ? 'relative flex min-h-14 flex-col items-center justify-center gap-0.5 px-1 text-[0.6875rem] font-medium'
                    : 'flex min-h-9 items-center gap-3 rounded-lg px-3 text-sm font-medium pointer-coarse:min-h-11',
                  here ? 'text-accent' : 'text-soft hover:text-ink',
                  !tabs && (here ? 'bg-accent-wash' : 'hover:bg-sunken'),
                )}
              >
                {place.icon}
                <span className={clsx('truncate', !tabs && 'flex-1')}>{place.label}</span>
                {place.count > 0 && <Count place={place} tabs={tabs} />}
              </Link>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}

function Count({ place, tabs }: { readonly place: Place; readonly tabs: boolean }): ReactNode {
  return (
    <span
      className={clsx(
        'min-w-5 rounded-full px-1.5 py-px text-center text-[0.6875rem] font-semibold tabular-nums',
        place.tone === 'bad' ? 'bg-bad-wash text-bad' : 'bg-warn-wash text-warn',
        tabs && 'absolute top-1 left-1/2 ml-1.5',
      )}
    >
      <span aria-hidden>{place.count > 999 ? '999+' : place.count}</span>
      <span className="sr-only">{place.counted}</span>
    </span>
  )
}
