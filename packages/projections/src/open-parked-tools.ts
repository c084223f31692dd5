import type { PostgresStore } from '@tidemark/store'
import { createAdvances } from './advances.ts'
import { createParkedTools, type ParkedTools } from './parked-tools.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { waitForAdvance } from './wait-for-advance.ts'

const POLL_MS = 50

/** The tools for a process that has no code of the domain and no worker: decisions are carried out by those that run. */
export function openParkedTools(store: Pick<PostgresStore, 'append' | 'readLane' | 'sql'>): ParkedTools {
  const sql = store.sql()
  const advances = createAdvances(() => {})
  return createParkedTools({
    store,
    sql,
    waitFor: (place, timeoutMs) =>
      waitForAdvance({
        ...place,
        timeoutMs,
        pollMs: POLL_MS,
        advances,
        read: async () => (await readCheckpoint(sql, { consumer: SYNCED, lane: place.lane }))?.position ?? 0,
      }),
  })
}
