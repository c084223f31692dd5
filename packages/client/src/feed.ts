import type { Tables } from './database.ts'
import type { FeedRecord } from './records.ts'

const NO_FEED: FeedRecord = { name: 'feed', cursor: null, staging: null, reset: false }

/** Where the feed stands on this device. */
export async function readFeed(tables: Pick<Tables, 'cursors'>): Promise<FeedRecord> {
  return (await tables.cursors.get('feed')) ?? NO_FEED
}
