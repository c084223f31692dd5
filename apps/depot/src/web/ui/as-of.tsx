import type { ReactNode } from 'react'
import { useSyncStatus } from '@tidemark/react'
import { words } from '../words.ts'
import { useNow } from './use-now.ts'

/** How old what is on the screen is. Nothing while live, unless the screen must always say it. */
export function AsOf({ always = false }: { readonly always?: boolean }): ReactNode {
  const { connection, lastContactAt } = useSyncStatus()
  const now = useNow()
  if (!always && connection === 'live') return null
  return <span>{words.saved.asOf(lastContactAt, now)}</span>
}
