/**
 * One value that survives a killed browser. localStorage does not: browsers write it out seconds later, and whoever
 * loses their session without a network loses the way to their unsent work.
 */
const NAME = 'depot-session'
const STORE = 'session'
const KEY = 'state'

/** What was written last; `undefined` where there is nothing, or no storage to ask. */
export async function readStoredSession(): Promise<unknown> {
  const database = await open({ create: false }).catch(() => undefined)
  if (database === undefined) return undefined
  try {
    return await settled<unknown>(database.transaction(STORE).objectStore(STORE).get(KEY))
  } finally {
    database.close()
  }
}

/** Resolves when the value is on the disk. Rejects where the browser cannot store it. */
export async function writeStoredSession(value: unknown): Promise<void> {
  const database = await open({ create: true })
  try {
    const transaction = database.transaction(STORE, 'readwrite', { durability: 'strict' })
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error('The session could not be stored.'))
    })
    transaction.objectStore(STORE).put(value, KEY)
    await done
  } finally {
    database.close()
  }
}

/** Leaves no trace of who was here. */
export async function deleteStoredSession(): Promise<void> {
  await settled(indexedDB.deleteDatabase(NAME))
}

/** Opened for each use and closed after it, so that no tab ever holds up another one's deletion. */
function open({ create }: { readonly create: boolean }): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1)
  request.onupgradeneeded = () => {
    // Only to look: what is not there is not made.
    if (create) request.result.createObjectStore(STORE)
    else request.transaction?.abort()
  }
  return settled(request)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('The browser gave no reason.'))
  })
}
