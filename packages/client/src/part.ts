/**
 * A part of the program that is fetched when it is first needed. One that could not be fetched (no network, or a newer
 * release on the server) is asked for again the next time.
 */
export function createPart<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  return () =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    }))
}

/** A part of the app that is fetched when it is first needed could not be: nothing was done, and it may be tried again. */
export interface NotLoaded {
  readonly kind: 'not-loaded'
  readonly message: string
  readonly cause: unknown
}

/** Does something with a part, or says that it could not be loaded. */
export async function withPart<T, R>(part: () => Promise<T>, use: (loaded: T) => Promise<R>): Promise<R | NotLoaded> {
  let loaded: T
  try {
    loaded = await part()
  } catch (error) {
    return {
      kind: 'not-loaded',
      message:
        'A part of the app could not be fetched, so nothing was changed. There may be no network, or the app was updated: ' +
        'try again, and reload the page where that does not help.',
      cause: error,
    }
  }
  return await use(loaded)
}
