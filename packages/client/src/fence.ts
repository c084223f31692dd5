import type { Database, Write } from './database.ts'

/** Another tab leads since: what this one has under way as a leader must be neither stored nor sent. */
export class FencedError extends Error {
  /** The term that is over. */
  readonly term: number
  constructor(term: number, stored: number) {
    super(
      `This tab led in term ${term}; another one leads, in term ${stored}. Nothing was stored; this tab follows it.`,
    )
    this.name = 'FencedError'
    this.term = term
  }
}

/**
 * Begins a new term of leadership: from here on, nothing of an earlier leader is stored. `null` where the lock was lost
 * before the term could begin.
 */
export async function claimTerm(database: Database, isStillHeld: () => boolean): Promise<number | null> {
  const { value } = await database.write('relaxed', [], async (write) => {
    if (!isStillHeld()) return null
    const term = (await storedTerm(write)) + 1
    await write.meta.put({ name: 'leader-term', value: term })
    return term
  })
  return value
}

/**
 * Part of every write transaction of a leader: ends it if another tab has begun a later term. `null`: a browser without
 * locks, where no tab can be deposed.
 */
export async function checkTerm(write: Write, term: number | null): Promise<void> {
  if (term === null) return
  const stored = await storedTerm(write)
  if (stored !== term) throw new FencedError(term, stored)
}

async function storedTerm({ meta }: Pick<Write, 'meta'>): Promise<number> {
  return Number((await meta.get('leader-term'))?.value ?? 0)
}
