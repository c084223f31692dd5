import { LRUCache } from 'lru-cache'

/** Results of queries, kept under the position that they hold. */
export interface QueryCache {
  /**
   * The result under a key, or what `read` gives; reads of one key that meet are made once. A failure is not kept.
   *
   * The key must name all that the result depends on: who may see it, the question, and the position.
   */
  get(key: string, read: () => Promise<string>): Promise<string>
}

/** UTF-16 units of keys and results together. */
const MAX_SIZE = 16_000_000
const MAX_ENTRIES = 2_000

/** Bounded in entries and in size; the least recently used go first. */
export function createQueryCache(limits: { entries?: number; size?: number } = {}): QueryCache {
  const { entries = MAX_ENTRIES, size = MAX_SIZE } = limits
  const kept = new LRUCache<string, string>({
    max: entries,
    maxSize: size,
    sizeCalculation: (text, key) => text.length + key.length,
  })
  const underWay = new Map<string, Promise<string>>()
  return {
    get: (key, read) => {
      const found = kept.get(key)
      if (found !== undefined) return Promise.resolve(found)
      const running = underWay.get(key)
      if (running !== undefined) return running
      const reading = read()
        .then((text) => {
          kept.set(key, text)
          return text
        })
        .finally(() => underWay.delete(key))
      underWay.set(key, reading)
      return reading
    },
  }
}
