import type { SecondCopy, SecondCopyOptions } from './journal/second-copy.ts'

/**
 * The second copy, in a part of the program that is loaded beside the first paint. Where it cannot be loaded there is
 * no second copy, and the state says so.
 */
export function loadSecondCopy(options: SecondCopyOptions): SecondCopy {
  let loaded: SecondCopy | null | undefined
  let closed = false
  const loading = import('./journal/second-copy.ts').then(
    ({ openSecondCopy }) => {
      if (!closed) loaded = openSecondCopy(options)
      return loaded
    },
    (error: unknown) => {
      loaded = null
      options.onTrouble(error)
      options.onState()
      return null
    },
  )
  return {
    get state() {
      return loaded === undefined ? 'opening' : (loaded?.state ?? 'missing')
    },
    formerDevice: async () => (await (await loading)?.formerDevice()) ?? null,
    start: async (replica) => (await (await loading)?.start(replica)) ?? null,
    keep: async (change) => await (await loading)?.keep(change),
    follow: (change) => loaded?.follow(change),
    tend: async () => await loaded?.tend(),
    clear: async (replica) => await (await loading)?.clear(replica),
    close: () => {
      closed = true
      loaded?.close()
    },
  }
}
