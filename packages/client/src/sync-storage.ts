import { PROTOCOL_VERSION, WIRE_LIMITS } from '@tidemark/core'
import { applyAnswers } from './answers.ts'
import type { Change, ChangeDraft } from './change.ts'
import type { TableName, Tables, Write } from './database.ts'
import { checkTerm } from './fence.ts'
import { readFeed } from './feed.ts'
import { inPieces } from './in-pieces.ts'
import { applyPage, PAGE_TABLES, type PageContext, type PageResult } from './pages.ts'
import { withDerived } from './derived.ts'
import { createQueueFront } from './queue-front.ts'
import { toPushed, type Sending } from './queue.ts'
import type { PendingRecord } from './records.ts'
import { noteElsewhere } from './note-elsewhere.ts'
import type { Replica } from './replica.ts'
import type { SyncStorage } from './sync-process.ts'
import type { RecoveryReport } from './tidemark-client.ts'

/** Room in a push's body for what surrounds its commands. */
const ENVELOPE_BYTES = 4_096

export interface SyncStorageOptions extends PageContext {
  readonly replica: Replica
  /** The term this tab leads in (`Tabs.term`). */
  readonly term: () => number | null | undefined
  /** A consistent cut is stored, and in memory. */
  readonly onCut: () => void
  /** Others of the person's installations had unsent work, and this one is new. */
  readonly onElsewhere: (report: RecoveryReport) => void
  /** Makes the second copy of what a change stored. */
  readonly copy: (change: Change) => Promise<void>
}

/** An answered command whose outcome no page has told for so long is sent again: the answer may be of a lost history. */
const UNEXPLAINED = 60_000

export interface DeviceStorage extends SyncStorage {
  /** Part of the watch over what stalls (I13). */
  askAgain(): Promise<void>
}

/** What the network loop reads and writes on this device. */
export function createSyncStorage(options: SyncStorageOptions): DeviceStorage {
  const { domain, replica, now } = options
  const front = createQueueFront(replica)
  /** Since when answered commands wait for their page, as far as this tab's last look at them tells. */
  let awaits: number | null = null
  const { database, mirror } = replica
  const projections = Object.fromEntries(domain.projections.map((each) => [each.name, each.version]))

  /** A write of the leading tab. A tab that was frozen while another took the lead stores nothing more. */
  async function writeAsLeader(
    tables: readonly TableName[],
    change: (write: Write) => Promise<ChangeDraft>,
  ): Promise<Change> {
    const term = options.term()
    return await replica.write('relaxed', tables, async (write) => {
      // Deposed before the write began: term 0 was never anybody's.
      await checkTerm(write, term === undefined ? 0 : term)
      return await change(write)
    })
  }

  /** Commands that the server has neither accepted nor refused. */
  const unsent = (answered: number, { accepted }: Pick<Sending, 'accepted'>): number =>
    Math.max(0, mirror.pending - mirror.beingStored().length - answered - accepted.size)
  /** Of the last batch. */
  let unsentBehind = 0

  return {
    pullRequest: async (sending) => {
      const { value } = await database.read(['cursors', 'pending', 'attention'], async (tables) => {
        const [feed, aside, answered] = await Promise.all([
          readFeed(tables),
          tables.attention.orderBy('commandId').keys(),
          countAnswered(tables),
        ])
        const first = await tables.pending
          .orderBy('seq')
          .limit(WIRE_LIMITS.awaitingPerPull + aside.length)
          .primaryKeys()
        const isAside = new Set<unknown>(aside)
        const awaiting = first.filter((id) => !isAside.has(id)).slice(0, WIRE_LIMITS.awaitingPerPull)
        return { feed, awaiting, answered }
      })
      const { feed, awaiting } = value
      return {
        protocol: PROTOCOL_VERSION,
        device: database.device,
        cursor: feed.staging ?? feed.cursor,
        projections,
        awaiting,
        unsent: unsent(value.answered, sending),
      }
    },
    liveRequest: async () => {
      const { value } = await database.read(['cursors'], readFeed)
      return { device: database.device, cursor: value.staging === null ? value.cursor : null, projections }
    },
    applyPage: async (page) => {
      let result: PageResult = { kind: 'stale' }
      let report: RecoveryReport | undefined
      const change = await writeAsLeader(PAGE_TABLES, async (write): Promise<ChangeDraft> => {
        const applied = await applyPage(options, write, page)
        result = applied.result
        if (result.kind !== 'stale' && page.elsewhere !== undefined)
          report = await noteElsewhere(write, page.elsewhere, now())
        if (awaits !== null) awaits = await firstAwaited(write)
        return applied.change
      })
      const told = report as RecoveryReport | undefined
      if (told !== undefined) options.onElsewhere(told)
      const applied = result as PageResult
      if (applied.kind === 'applied') {
        // Confirmed ones had left the journal; on their way again they are in it again.
        if (applied.offered > 0) await options.copy(change)
        // A cut too large to be followed row by row is on screen when memory has read it.
        await replica.catchUp(change.versions)
        options.onCut()
      }
      return result
    },
    takeBatch: async (sending) => {
      if (mirror.pending === 0 || front.isIdle(sending)) return []
      const limits = { commands: WIRE_LIMITS.commandsPerPush, bytes: WIRE_LIMITS.bodyBytes - ENVELOPE_BYTES }
      let batch: PendingRecord[] = []
      const looked = front.look(sending, now(), limits)
      const { versions } = await writeAsLeader(['pending'], async (write): Promise<ChangeDraft> => {
        const planned = await looked.read(write)
        if (planned.length === 0) return { moved: { rows: 0, work: 0 } }
        batch = planned.map((each) => ({ ...each, attempts: each.attempts + 1 }))
        await inPieces(batch, (piece) => write.pending.bulkPut(piece))
        unsentBehind = Math.max(0, unsent(await countAnswered(write), sending) - batch.length)
        return { put: batch, before: planned, moved: { rows: 0, work: 1 } }
      })
      looked.keep(versions)
      return batch
    },
    toPush: (batch) => ({
      protocol: PROTOCOL_VERSION,
      device: database.device,
      unsent: unsentBehind,
      commands: batch.map(toPushed),
    }),
    applyAnswers: async (answers) => {
      await writeAsLeader(['pending', 'attention', 'rows', 'overlay'], async (write) => {
        const change = await applyAnswers(options, write, answers)
        awaits = await firstAwaited(write)
        return change
      })
    },
    askAgain: async () => {
      front.lookAgain(now())
      const isUnexplained = (each: PendingRecord): boolean =>
        (each.waits ?? -1) >= 0 && (each.waits ?? 0) < now() - UNEXPLAINED
      const { value: ids } = await database.read(['pending'], (tables) =>
        tables.pending
          .where('waits')
          .between(0, now() - UNEXPLAINED)
          .primaryKeys(),
      )
      if (ids.length === 0) return
      await writeAsLeader(['pending'], async (write): Promise<ChangeDraft> => {
        const before = (await write.pending.bulkGet(ids)).filter((each) => each !== undefined && isUnexplained(each))
        const put = before.map((each) => withDerived(domain, { ...(each as PendingRecord), answer: null }))
        await write.pending.bulkPut(put)
        return { put, before: before as PendingRecord[], moved: { rows: 0, work: put.length > 0 ? 1 : 0 } }
      })
    },
    awaitsOutcome: (by) => awaits !== null && awaits <= by,
  }
}

async function firstAwaited({ pending }: Pick<Tables, 'pending'>): Promise<number | null> {
  const [first] = await pending.where('waits').aboveOrEqual(0).limit(1).keys()
  return first === undefined ? null : Number(first)
}

async function countAnswered({ pending }: Pick<Tables, 'pending'>): Promise<number> {
  return await pending.orderBy('waits').count()
}
