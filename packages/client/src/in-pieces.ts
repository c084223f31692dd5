/** Storage copies what it is given on the spot; so many records take a few milliseconds, and a frame fits in after them. */
const PIECE = 100

/**
 * Does work of the caller's transaction piece by piece. One piece is always waiting in storage while another is worked
 * on, so nothing is lost but the long task.
 *
 * @param work asks storage for something, and returns its promise (not that of an async function: two of those at a time
 * make Dexie lose sight of the transaction).
 */
export async function inPieces<T>(items: readonly T[], work: (piece: T[]) => PromiseLike<unknown>): Promise<void> {
  let before: PromiseLike<unknown> | undefined
  for (let from = 0; from < items.length; from += PIECE) {
    const piece = work(items.slice(from, from + PIECE))
    // Not waited for where the one before fails; the transaction has failed then.
    piece.then(undefined, () => undefined)
    if (before !== undefined) await before
    before = piece
  }
  if (before !== undefined) await before
}

/** What storage finds for each, asked piece by piece. */
export async function readInPieces<T, R>(
  asked: readonly T[],
  read: (piece: T[]) => PromiseLike<readonly R[]>,
): Promise<R[]> {
  const found: R[] = []
  await inPieces(asked, (piece) => read(piece).then((each) => found.push(...each)))
  return found
}
