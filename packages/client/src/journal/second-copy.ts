import type { Uuid } from '@tidemark/core'
import type { Change } from '../change.ts'
import type { Platform } from '../platform.ts'
import type { Replica } from '../replica.ts'
import type { RecoveryReport, SyncStatus } from '../tidemark-client.ts'
import type { JournalContents, JournalEntry } from './journal.ts'
import { keepJournal, type Stored } from './keep-journal.ts'
import { readMark, writeMark } from './mark.ts'
import { recover } from './recover.ts'

/** The second copy of pending commands: a journal beside the database, and a note beside both. Nothing here rejects. */
export interface SecondCopy {
  readonly state: SyncStatus['secondCopy']
  /** The installation that it is of; `null` where there is none. */
  formerDevice(): Promise<Uuid | null>
  /** Brings back what the database has lost, and keeps the copy from then on. `null`: nothing was missing. */
  start(replica: Replica): Promise<RecoveryReport | null>
  /** Copies what a stored change did to pending commands. Resolves when the disk has it, or cannot have it. */
  keep(change: Pick<Change, 'put' | 'dropped' | 'versions'>): Promise<void>
  /** What left the pending commands, in this tab or another, leaves the copy in time. */
  follow(change: Pick<Change, 'dropped' | 'versions'>): void
  /** Brings it in line with what is stored. */
  tend(): Promise<void>
  /** Removes it: the person gave up, or has got through to the server, all there was. */
  clear(replica: Replica): Promise<void>
  close(): void
}

export interface SecondCopyOptions {
  /** Of the database. */
  readonly name: string
  readonly platform: Pick<Platform, 'setTimer' | 'journal' | 'notes' | 'now'>
  readonly onState: () => void
  /** Something was brought back, or found lost, after the start. */
  readonly onRecovered: (report: RecoveryReport) => void
  /** Milliseconds since 1970. */
  readonly lastContact: () => number | null
  readonly onTrouble: (error: unknown) => void
}

export function openSecondCopy(options: SecondCopyOptions): SecondCopy {
  const { name, platform, lastContact } = options
  const mark = readMark(platform, name)
  const journal = keepJournal(options)
  let replica: Replica | undefined

  /** What was left of it could not be read yet: nothing of it may be taken for settled. */
  let unread = true

  async function stored(of: Replica): Promise<Stored> {
    const { value, versions } = await of.database.read(['pending'], (tables) =>
      tables.pending.toCollection().primaryKeys(),
    )
    return {
      ids: value,
      // What is being stored may be in the journal before this looks again.
      known: new Set([...value, ...of.mirror.beingStored()]),
      at: versions.work,
      commands: async (ids) =>
        (await of.database.read(['pending'], (tables) => tables.pending.bulkGet([...ids]))).value.filter(
          (each) => each !== undefined,
        ),
    }
  }

  async function compare(of: Replica, contents: JournalContents | null): Promise<RecoveryReport | null> {
    const { isNew, openedAt } = of.database
    // The note has been written anew once it was used.
    const report = await recover(
      of,
      { isNew, work: openedAt, contents, mark: replica === undefined ? mark : null },
      platform.now(),
    )
    await of.catchUp()
    unread = contents === null
    return report
  }

  function note(of = replica, cleared = false): void {
    if (of === undefined) return
    const { mirror, database } = of
    const pending = mirror.pending - mirror.beingStored().length
    writeMark(platform, name, {
      device: database.device,
      at: mirror.versions.work,
      pending,
      contact: lastContact(),
      cleared,
    })
  }

  return {
    get state() {
      return journal.state
    },
    formerDevice: async () => (await journal.contents)?.device ?? mark?.device ?? null,
    start: async (of) => {
      const contents = await journal.contents
      let report: RecoveryReport | null = null
      try {
        report = await compare(of, contents)
      } catch (error) {
        journal.giveUp()
        options.onTrouble(error)
      }
      replica = of
      note()
      // The journal may have been lost, or be new to this browser.
      const copied = new Set(contents?.live.map(({ command }) => command.id))
      let puts: readonly JournalEntry[] = []
      try {
        const { ids, at, commands } = await stored(of)
        const missing = await commands(ids.filter((id) => !copied.has(id)))
        puts = missing.map((command) => ({ kind: 'put', at, command }))
      } catch (error) {
        journal.giveUp()
        options.onTrouble(error)
      }
      await journal.begin(of.database.device)
      await journal.keep(puts)
      return report
    },
    keep: async ({ put, dropped, versions }) => {
      const at = versions.work
      await journal.keep([
        ...put.map((command): JournalEntry => ({ kind: 'put', at, command })),
        ...dropped.map((id): JournalEntry => ({ kind: 'end', at, id })),
      ])
      note()
    },
    follow: (change) => {
      if (change.dropped.length === 0) return
      journal.follow(change)
      note()
    },
    tend: async () => {
      const of = replica
      if (of === undefined) return
      await journal.tend(
        () => stored(of),
        async (contents) => {
          const report = unread ? await compare(of, contents) : null
          if (report !== null) options.onRecovered(report)
        },
      )
    },
    clear: async (of) => {
      const isGone = await journal.clear(of.database.device, of.mirror.versions.work)
      if (isGone) writeMark(platform, name, null)
      else note(of, true)
    },
    close: () => journal.close(),
  }
}
