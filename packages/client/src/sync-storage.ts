import { PROTOCOL_VERSION, WIRE_LIMITS } from '@tidemark/core'
import { applyAnswers } from './answers.ts'
import type { Change, ChangeDraft } from './change.ts'
import type { TableName, Write } from './database.ts'
import { checkTerm } from './fence.ts'
import { readFeed } from './feed.ts'
import { applyPage, PAGE_TABLES, type PageContext, type PageResult } from './pages.ts'
import { pendingById } from './pending-by-id.ts'
import { countUnsent, planPush, toPushed, type Sending } from './queue.ts'
import type { PendingRecord } from './records.ts'
import { noteElsewhere } from './recovery-report.ts'
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

  const stored = (): readonly PendingRecord[] => mirror.commands().filter((each) => !mirror.isBeingStored(each.id))
  const unsent = (sending: Pick<Sending, 'accepted'>): number => countUnsent(stored(), sending)

  return {
    pullRequest: async (sending) => {
      const { value: feed } = await database.read(['cursors'], readFeed)
      const awaiting = mirror
        .commands()
        .filter((each) => each.attention === null)
        .slice(0, WIRE_LIMITS.awaitingPerPull)
        .map((each) => each.id)
      return {
        protocol: PROTOCOL_VERSION,
        device: database.device,
        cursor: feed.staging ?? feed.cursor,
        projections,
        awaiting,
        unsent: unsent(sending),
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
      const limits = { commands: WIRE_LIMITS.commandsPerPush, bytes: WIRE_LIMITS.bodyBytes - ENVELOPE_BYTES }
      const planned = planPush(stored(), sending, now(), limits)
      let batch: PendingRecord[] = []
      if (planned.length === 0) return batch
      await writeAsLeader(['pending'], async (write): Promise<ChangeDraft> => {
        // A page, or another tab, may have settled some of them since: what is behind those must not pass them.
        const ids = planned.map((each) => each.id)
        const current = (await pendingById(write, ids)).filter((each) => each !== undefined)
        batch = planPush(current, sending, now(), limits).map((each) => ({ ...each, attempts: each.attempts + 1 }))
        if (batch.length === 0) return { moved: { rows: 0, work: 0 } }
        await write.pending.bulkPut(batch)
        return { put: batch, moved: { rows: 0, work: 1 } }
      })
      return batch
    },
    toPush: (batch, sending) => ({
      protocol: PROTOCOL_VERSION,
      device: database.device,
      unsent: Math.max(0, unsent(sending) - batch.length),
      commands: batch.map(toPushed),
    }),
    applyAnswers: async (answers) => {
      await writeAsLeader(['pending', 'attention', 'rows'], (write) => applyAnswers(options, write, answers))
    },
    askAgain: async () => {
      const isUnexplained = (each: PendingRecord): boolean =>
        each.answer !== null && each.attention === null && (each.answeredAt ?? 0) < now() - UNEXPLAINED
      const ids = mirror.commands().flatMap((each) => (isUnexplained(each) ? [each.id] : []))
      if (ids.length === 0) return
      await writeAsLeader(['pending'], async (write): Promise<ChangeDraft> => {
        const put = (await write.pending.bulkGet(ids)).flatMap((each) =>
          each !== undefined && isUnexplained(each) ? [{ ...each, answer: null }] : [],
        )
        await write.pending.bulkPut(put)
        return { put, moved: { rows: 0, work: put.length > 0 ? 1 : 0 } }
      })
    },
    awaitsOutcome: () => mirror.commands().some((each) => each.answer !== null && each.attention === null),
  }
}
