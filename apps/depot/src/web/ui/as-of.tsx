import type { ReactNode } from 'react'
import { useSyncStatus } from '@tidemark/react'
import { words } from '../words.ts'
import { useNow } from './use-now.ts'

interface AsOfProps {
  /** What it says while live: that all is well, the time (for figures that others change all the time), or nothing. */
  readonly live?: 'words' | 'time' | 'nothing'
}

/** How old what is on the screen is. */
export function AsOf({ live = 'words' }: AsOfProps): ReactNode {
  const { connection, lastContactAt, initial } = useSyncStatus()
  const now = useNow()
  if (initial !== 'done') return <span>{words.saved.loading(undefined)}</span>
  if (connection === 'live' && live === 'nothing') return null
  if (connection === 'live' && live === 'words') return <span>{words.saved.upToDate}</span>
  return <span>{words.saved.asOf(lastContactAt, now)}</span>
}
