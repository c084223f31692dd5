import type { Live } from './live.ts'

/** A live value that has to be read from storage before it says anything. */
export interface StoredLive<T> extends Live<T> {
  /**
   * Resolves when it has been read: for Suspense, and for routers that load before they show. The same promise each time
   * until then. Rejects where the device's storage cannot be read; it is read again by itself, and resolves once it is.
   */
  ready(): Promise<void>
}

export interface FirstRead {
  ready(): Promise<void>
  /** It could not be read. */
  failed(error: unknown): void
}

interface Reading {
  readonly promise: Promise<void>
  readonly fail: (error: unknown) => void
}

const DONE = Promise.resolve()

/** The first read of a live value, as a promise. */
export function createFirstRead<T>(live: Live<T>, isLoading: (value: T) => boolean): FirstRead {
  let reading: Reading | undefined

  function begin(): Reading {
    let fail: (error: unknown) => void = () => undefined
    const promise = new Promise<void>((resolve, reject) => {
      // Watched until then, so that it is not let go before somebody shows it.
      const stop = live.subscribe(() => {
        if (isLoading(live.get())) return
        stop()
        resolve()
      })
      fail = (error) => {
        stop()
        reject(error as Error)
      }
    })
    return heard({ promise, fail })
  }

  return {
    ready: () => {
      if (!isLoading(live.get())) {
        reading = undefined
        return DONE
      }
      reading ??= begin()
      return reading.promise
    },
    failed: (error) => {
      if (reading === undefined) reading = heard({ promise: Promise.reject(error as Error), fail: () => undefined })
      else reading.fail(error)
    },
  }
}

/** Whoever waits is told; that nobody does is no error of its own. */
function heard(reading: Reading): Reading {
  reading.promise.catch(() => undefined)
  return reading
}
