/** The first so many of an ordered set that is stored, kept up in memory change by change. */
export interface Head<T> {
  /** In order. The same array until something changes. */
  all(): readonly T[]
  get(id: string): T | undefined
  readonly size: number
  /** All there are. */
  readonly isWhole: boolean
  /** So few are left that more should be read. */
  readonly isShort: boolean
  load(items: readonly T[], isWhole: boolean): void
  /** Adds an item or replaces the one with its id. One that stands behind the head is passed over. */
  put(item: T): void
  drop(id: string): void
}

/**
 * @param limit so many are read at a time; up to twice as many are held.
 */
export function createHead<T, K extends number | string>(
  limit: number,
  { idOf, keyOf }: { readonly idOf: (item: T) => string; readonly keyOf: (item: T) => K },
): Head<T> {
  const byId = new Map<string, T>()
  /** What is stored up to here is held; `null`: all of it. */
  let end: K | null = null
  // Made when somebody looks: nobody does between the changes of one step.
  let sorted: readonly T[] | undefined = []

  function all(): readonly T[] {
    sorted ??= [...byId.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    return sorted
  }

  return {
    all,
    get: (id) => byId.get(id),
    get size() {
      return byId.size
    },
    get isWhole() {
      return end === null
    },
    get isShort() {
      return end !== null && byId.size < limit / 2
    },
    load: (items, isWhole) => {
      byId.clear()
      for (const item of items) byId.set(idOf(item), item)
      sorted = undefined
      const last = all().at(-1)
      end = isWhole || last === undefined ? null : keyOf(last)
    },
    put: (item) => {
      const isBehind = end !== null && keyOf(item) > end
      if (isBehind) byId.delete(idOf(item))
      else byId.set(idOf(item), item)
      sorted = undefined
      if (byId.size <= limit * 2) return
      const kept = all().slice(0, limit)
      byId.clear()
      for (const each of kept) byId.set(idOf(each), each)
      end = keyOf(kept.at(-1) as T)
      sorted = kept
    },
    drop: (id) => {
      if (byId.delete(id)) sorted = undefined
    },
  }
}
