/** Tries until it works, for as long as a database may be away. Fails with what was wrong last. */
export async function persist<T>(work: () => Promise<T>, ms = 60_000): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
