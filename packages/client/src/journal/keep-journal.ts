import type { Uuid } from '@tidemark/core'
import type { Change } from '../change.ts'
import type { Platform } from '../platform.ts'
import type { PendingRecord } from '../records.ts'
import type { JournalContents, JournalEntry, JournalHost } from './journal.ts'
import type { SyncStatus } from '../tidemark-client.ts'
import { createWorkerHost } from './worker-host.ts'

type JournalState = SyncStatus['secondCopy']

/** What a tab does with the journal. Nothing here rejects: a journal that fails is a copy less, and the state says so. */
export interface Journal {
  readonly state: JournalState
  /** What was found; `null` where nothing could be read. */
  readonly contents: Promise<JournalContents | null>
  /** From here on it is written to. What was found must have been dealt with: files of dead tabs are taken in now. */
  begin(device: Uuid): Promise<void>
  /** Resolves when the disk has them, or when it has turned out that there is no journal to have them. */
  keep(entries: readonly JournalEntry[]): Promise<void>
  /** What left the pending commands, in this tab or another, leaves the journal in time. */
  follow(change: Pick<Change, 'dropped' | 'versions'>): void
  /**
   * Brings it in line with what is stored, opens it anew where it fails, and takes in the files of dead tabs. `found`
   * deals with what is read when it is opened anew, before anything is written.
   */
  tend(stored: () => Promise<Stored>, found: (contents: JournalContents) => Promise<void>): Promise<void>
  /** Leaves it alone, with all that is in it, until `tend` opens it anew. */
  giveUp(): void
  /** Removes what all tabs have written up to `at`. `false`: it could not, and what is left must not come back. */
  clear(mine: Uuid, at: number): Promise<boolean>
  close(): void
}

/** What the database has, as far as this tab knows. */
export interface Stored {
  readonly ids: readonly Uuid[]
  /** Ids of those and of what is being stored. */
  readonly known: ReadonlySet<Uuid>
  readonly at: number
  commands(ids: readonly Uuid[]): Promise<readonly PendingRecord[]>
}

export interface JournalOptions {
  /** Of the database. */
  readonly name: string
  readonly platform: Pick<Platform, 'setTimer' | 'journal'>
  readonly onState: () => void
}

/** A host that answers nothing for so long counts as failing. Milliseconds. */
const PATIENCE = 5_000

interface Waiting {
  readonly entries: readonly JournalEntry[]
  readonly done: () => void
}

export function keepJournal({ name, platform, onState }: JournalOptions): Journal {
  const connect = (): JournalHost | undefined => (platform.journal ?? createWorkerHost)(name)
  let host = connect()
  let state: JournalState = host === undefined ? 'missing' : 'opening'
  let device: Uuid | undefined
  let queue: Waiting[] = []
  let writing = false
  let closed = false
  /** What came while a journal that failed is opened anew: it is written when it can be, and nobody waits for it. */
  let late: JournalEntry[] | undefined
  function become(next: JournalState): void {
    if (state === next || closed) return
    state = next
    onState()
  }

  /** The database has it; whoever waits for the second copy is told that there is none. */
  function giveUp(): void {
    become('failing')
    host?.close()
    host = undefined
    for (const { done } of queue) done()
    queue = []
  }

  function inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = platform.setTimer(() => reject(new Error('The journal does not answer.')), PATIENCE)
      work.then(resolve, reject).finally(cancel)
    })
  }

  async function pump(): Promise<void> {
    if (writing || state !== 'kept' || device === undefined) return
    writing = true
    try {
      // Whatever came while the disk was busy goes with one write.
      while (queue.length > 0 && host !== undefined) {
        const batch = queue
        queue = []
        const entries = batch.flatMap((each) => each.entries)
        try {
          await inTime(host.append(device, entries))
        } catch {
          giveUp()
        }
        for (const { done } of batch) done()
      }
    } finally {
      writing = false
    }
  }

  function keep(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0 || closed || state === 'missing') return Promise.resolve()
    if (state === 'failing') {
      late?.push(...entries)
      return Promise.resolve()
    }
    return new Promise((done) => {
      queue.push({ entries, done })
      void pump()
    })
  }

  /** @returns what this tab's file holds then. */
  async function adopt(mine: Uuid): Promise<readonly Uuid[]> {
    if (host === undefined) return []
    try {
      const held = await inTime(host.adopt(mine))
      become('kept')
      void pump()
      return held
    } catch {
      giveUp()
      return []
    }
  }

  // As large as the queue: let go of once it is dealt with.
  let contents: Promise<JournalContents | null> =
    host === undefined
      ? Promise.resolve(null)
      : inTime(host.open()).catch(() => {
          giveUp()
          return null
        })

  return {
    get state() {
      return state
    },
    get contents() {
      return contents
    },
    begin: async (mine) => {
      device = mine
      contents = Promise.resolve(null)
      await adopt(mine)
    },
    keep,
    follow: ({ dropped, versions }) => {
      // Most stand in another tab's file: that tab says it there.
      void keep(dropped.map((id) => ({ kind: 'end', at: versions.work, id, ifHeld: true })))
    },
    giveUp,
    tend: async (stored, found) => {
      if (closed || device === undefined || writing || queue.length > 0) return
      let puts: readonly JournalEntry[] = []
      if (state === 'failing') {
        host = connect()
        if (host === undefined) return
        late = []
        try {
          await found(await inTime(host.open()))
          const { ids, at, commands } = await stored()
          puts = (await commands(ids)).map((command) => ({ kind: 'put', at, command }))
        } catch {
          late = undefined
          giveUp()
          return
        }
      }
      // First what is held, then what is stored: a command stands in the database before it stands here.
      const held = await adopt(device)
      const copied = keep([...puts, ...(late ?? [])])
      late = undefined
      if ((state as JournalState) !== 'kept' || held.length === 0) return await copied
      const { known, at } = await stored()
      await keep(held.filter((id) => !known.has(id)).map((id): JournalEntry => ({ kind: 'end', at, id })))
      await copied
    },
    clear: async (mine, at) => {
      if (state === 'missing') return true
      if (host === undefined) return false
      try {
        await inTime(host.clear(mine, at))
        return true
      } catch {
        giveUp()
        return false
      }
    },
    close: () => {
      closed = true
      host?.close()
      host = undefined
      for (const { done } of queue) done()
      queue = []
    },
  }
}
