/** One tab's way to IndexedDB, which can fail at any write, and end with its process. */
export interface DoomedStorage {
  readonly indexedDB: IDBFactory
  /** The next writes fail: none begins (`full`), or each is undone while it runs (`aborts`). */
  failNext(writes: number, how: 'full' | 'aborts'): void
  /** Calls back at the write after so many; that write is not made. */
  dieAfter(writes: number, die: () => void): void
  /** Storage works again. */
  heal(): void
  /** The process ends: what was not complete is undone, nothing more is stored. */
  kill(): void
}

export function createDoomedStorage(browser: IDBFactory): DoomedStorage {
  const connections = new Set<IDBDatabase>()
  const running = new Set<IDBTransaction>()
  let failing = { writes: 0, how: 'full' as 'full' | 'aborts' }
  let death: { writes: number; readonly die: () => void } | undefined
  let dead = false

  function begin(connection: IDBDatabase, transaction: IDBDatabase['transaction']): IDBDatabase['transaction'] {
    return (names, mode, options) => {
      if (dead) throw new DOMException('The process was killed.', 'AbortError')
      let isUndone = false
      if (mode === 'readwrite') {
        if (death !== undefined && death.writes-- <= 0) {
          death.die()
          throw new DOMException('The process was killed.', 'AbortError')
        }
        if (failing.writes > 0) {
          failing.writes -= 1
          if (failing.how === 'full') throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
          isUndone = true
        }
      }
      const begun = transaction.call(connection, names, mode, options)
      running.add(begun)
      const over = (): void => {
        running.delete(begun)
      }
      begun.addEventListener('complete', over)
      begun.addEventListener('abort', over)
      if (isUndone) setImmediate(() => undo(begun))
      return begun
    }
  }

  /** Undoes it, where it is not complete. */
  function undo(transaction: IDBTransaction): void {
    if (!running.delete(transaction)) return
    try {
      transaction.abort()
    } catch {
      // It is being completed: too late.
    }
  }

  const indexedDB = {
    open: (name: string, version?: number) => {
      const request = browser.open(name, version)
      request.addEventListener('success', () => {
        const connection = request.result as unknown as IDBDatabase
        if (connections.has(connection)) return
        connections.add(connection)
        connection.transaction = begin(connection, connection.transaction)
      })
      return request
    },
    deleteDatabase: (name: string) => browser.deleteDatabase(name),
    cmp: (a: unknown, b: unknown) => browser.cmp(a, b),
    databases: () => browser.databases(),
  } as unknown as IDBFactory

  return {
    indexedDB,
    failNext: (writes, how) => {
      failing = { writes, how }
    },
    dieAfter: (writes, die) => {
      death = { writes, die }
    },
    heal: () => {
      failing = { writes: 0, how: 'full' }
      death = undefined
    },
    kill: () => {
      dead = true
      for (const transaction of [...running]) undo(transaction)
      for (const connection of connections) connection.close()
    },
  }
}
