import type { EventStore, LaneRead, StoredEvent } from '@tidemark/core'

interface Ahead {
  readonly read: LaneRead
  readonly events: Promise<readonly StoredEvent[]>
}

/**
 * Reads a lane on while the events before are still folded and written: the log never changes, so what was read stays so.
 * Only as long as reads of one size come back full, one after the other; what was short may be longer by the time that it
 * is asked for, and is read again.
 */
export function createReadAhead(store: Pick<EventStore, 'readLane'>): Pick<EventStore, 'readLane'> {
  let ahead: Ahead | undefined
  let last: LaneRead | undefined

  const take = async ({ after, limit, bare }: LaneRead): Promise<readonly StoredEvent[] | undefined> => {
    const taken = ahead
    ahead = undefined
    if (taken?.read.after !== after || taken.read.limit !== limit || taken.read.bare !== bare) return undefined
    const events = await taken.events
    return events.length === limit ? events : undefined
  }

  return {
    readLane: async (read) => {
      const settled = last?.limit === read.limit
      last = read
      const events = (await take(read)) ?? (await store.readLane(read))
      const end = events.at(-1)
      if (settled && end !== undefined && events.length === read.limit && ahead === undefined) {
        const next = { ...read, after: end.position }
        ahead = { read: next, events: store.readLane(next) }
        // Its failure is that of the step that asks for it.
        ahead.events.catch(() => {})
      }
      return events
    },
  }
}
