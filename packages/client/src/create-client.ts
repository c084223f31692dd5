import {
  createIdGenerator,
  PROTOCOL_VERSION,
  WIRE_LIMITS,
  type Domain,
  type Principal,
  type Transport,
  type VersionedState,
} from '@tidemark/core'
import { applyAnswers } from './answers.ts'
import { rowsOfStream, type Change, type ChangeDraft } from './change.ts'
import { DatabaseReplacedError, NewerSchemaError, openDatabase, type TableName, type Write } from './database.ts'
import { createDispatch, storageFailure } from './dispatch.ts'
import { checkTerm, claimTerm } from './fence.ts'
import { readHistory } from './history.ts'
import { LOADING, type Derived, type Live, type Loading } from './live.ts'
import { createMirror } from './mirror.ts'
import { applyPage, PAGE_TABLES, readFeed, type PageResult } from './pages.ts'
import { browserPlatform, type Platform } from './platform.ts'
import { planPush, toPushed } from './queue.ts'
import { reindexRows } from './reindex.ts'
import { createReplica } from './replica.ts'
import { resolveAttention } from './resolve.ts'
import type { PendingRecord } from './records.ts'
import { stateRow } from './state-row.ts'
import { createStatus } from './status.ts'
import { createSyncProcess, type SyncStorage } from './sync-process.ts'
import { openTabs, type TabMessage } from './tabs.ts'
import type { RowQuery, SyncedRow, SyncedState, TidemarkClient } from './tidemark-client.ts'
import { createWindows } from './windows.ts'

export interface ClientOptions {
  readonly domain: Domain
  readonly principal: Principal
  readonly transport: Transport
  /** Default `<domain>:<tenant>:<principal>`: two accounts on one device never share anything. */
  readonly databaseName?: string
  readonly platform?: Partial<Platform>
}

/** How often a tab looks whether it has missed something, and lets go of what nobody watches. Milliseconds. */
const TICK = 5_000
/** Room in a push's body for what surrounds its commands. */
const ENVELOPE_BYTES = 4_096

/**
 * Opens this person's copy of the app's data on this device and starts syncing it. Rejects where the browser's storage
 * cannot be opened.
 */
export async function createClient(options: ClientOptions): Promise<TidemarkClient> {
  const { domain, principal, transport } = options
  const platform: Platform = { ...browserPlatform(), ...options.platform }
  const name = options.databaseName ?? `${domain.name}:${principal.tenant}:${principal.id}`
  const newId = createIdGenerator({ now: () => platform.now(), random: (bytes) => platform.random(bytes) })
  const now = (): number => platform.now()
  const database = await openDatabase({
    name,
    platform,
    newId,
    onDeleted: () => {
      close().catch(report)
    },
  })
  const deviceId = database.device
  await reindexRows(domain, database)
  const { value: kept } = await database.read(['cursors'], async (tables) => ({
    feed: await readFeed(tables),
    lastContact: (await tables.meta.get('last-contact'))?.value,
  }))

  let closed = false
  const decider = { domain, principal, now }
  const versions = Object.fromEntries(domain.projections.map((each) => [each.name, each.version]))
  const mirror = createMirror(domain)
  const replica = createReplica({
    domain,
    database,
    mirror,
    onChange: (change) => tabs.post({ kind: 'change', change }),
    onTrouble: report,
  })
  await replica.catchUp()

  /** A write of the leading tab. A tab that was frozen while another took the lead stores nothing more. */
  async function writeAsLeader(
    tables: readonly TableName[],
    change: (write: Write) => Promise<ChangeDraft>,
  ): Promise<Change> {
    const { term } = tabs
    return await replica.write('relaxed', tables, async (write) => {
      // Deposed before the write began: term 0 was never anybody's.
      await checkTerm(write, term === undefined ? 0 : term)
      return await change(write)
    })
  }

  const storage: SyncStorage = {
    pullRequest: async () => {
      const { value: feed } = await database.read(['cursors'], readFeed)
      const awaiting = mirror
        .commands()
        .filter((each) => each.attention === null)
        .slice(0, WIRE_LIMITS.awaitingPerPull)
        .map((each) => each.id)
      return {
        protocol: PROTOCOL_VERSION,
        device: deviceId,
        cursor: feed.staging ?? feed.cursor,
        projections: versions,
        awaiting,
      }
    },
    liveRequest: async () => {
      const { value } = await database.read(['cursors'], readFeed)
      return { device: deviceId, cursor: value.staging === null ? value.cursor : null, projections: versions }
    },
    applyPage: async (page) => {
      let result: PageResult = { kind: 'stale' }
      const change = await writeAsLeader(PAGE_TABLES, async (write): Promise<ChangeDraft> => {
        const applied = await applyPage(decider, write, page)
        result = applied.result
        return applied.change
      })
      if ((result as PageResult).kind === 'applied') {
        // A cut too large to be followed row by row is on screen when memory has read it.
        await replica.catchUp(change.versions)
        status.synced()
        process.work()
      }
      return result
    },
    takeBatch: async (sending) => {
      const limits = { commands: WIRE_LIMITS.commandsPerPush, bytes: WIRE_LIMITS.bodyBytes - ENVELOPE_BYTES }
      const stored = mirror.commands().filter((each) => !mirror.isBeingStored(each.id))
      const planned = planPush(stored, sending, now(), limits)
      let batch: PendingRecord[] = []
      if (planned.length === 0) return batch
      await writeAsLeader(['pending'], async (write): Promise<ChangeDraft> => {
        // A page, or another tab, may have settled some of them since: what is behind those must not pass them.
        const current = (await write.pending.bulkGet(planned.map((each) => each.id))).filter(
          (each) => each !== undefined,
        )
        batch = planPush(current, sending, now(), limits).map((each) => ({ ...each, attempts: each.attempts + 1 }))
        if (batch.length === 0) return { moved: { rows: 0, work: 0 } }
        await write.pending.bulkPut(batch)
        return { put: batch, moved: { rows: 0, work: 1 } }
      })
      return batch
    },
    toPush: (batch) => ({ protocol: PROTOCOL_VERSION, device: deviceId, commands: batch.map(toPushed) }),
    applyAnswers: async (answers) => {
      await writeAsLeader(['pending', 'attention', 'rows'], (write) => applyAnswers(decider, write, answers))
    },
    awaitsOutcome: () => mirror.commands().some((each) => each.answer !== null && each.attention === null),
  }

  const process = createSyncProcess({
    transport,
    storage,
    platform,
    protocol: PROTOCOL_VERSION,
    onChange: () => status.changed(),
    onTrouble: report,
    onFenced: ({ term }) => tabs.resign(term),
  })

  const tabs = openTabs({
    name,
    platform,
    claim: (isStillHeld) => claimTerm(database, isStillHeld),
    onLead: () => {
      status.leads()
      process.lead()
      status.changed()
    },
    onFollow: () => {
      process.follow()
      status.changed()
      tabs.post({ kind: 'hello' })
      // A tab that was frozen has missed what the others did.
      replica.catchUp().catch(report)
    },
    onMessage,
    onTrouble: report,
  })

  const status = createStatus({
    mirror,
    process,
    tabs,
    platform,
    hasSynced: kept.feed.cursor !== null,
    lastContact: typeof kept.lastContact === 'number' ? kept.lastContact : null,
  })

  const minted = new Set<string>()
  const dispatch = createDispatch({
    domain,
    principal,
    replica,
    newId,
    now,
    minted,
    onStored: () => {
      process.work()
      status.keepData()
    },
    onTrouble: report,
  })
  const windows = createWindows({ replica, onTrouble: report })

  function onMessage(message: Exclude<TabMessage, { kind: 'beat' }>): void {
    switch (message.kind) {
      case 'change':
        replica
          .receive(message.change)
          .then(() => {
            if (tabs.isLeader) process.work()
          })
          .catch(report)
        return
      case 'network':
        status.heard(message.network)
        return
      case 'hello':
        status.tell()
        return
      case 'sync':
        if (tabs.isLeader) process.wake()
        return
      case 'signed-out':
        close().catch(report)
        return
    }
  }

  // Hints can be lost and tabs frozen; what is stored is the truth.
  let cancelTick = platform.setTimer(tick, TICK)
  function tick(): void {
    if (closed) return
    mirror.sweep()
    windows.sweep()
    replica
      .catchUp()
      .then(() => {
        if (tabs.isLeader) process.work()
      })
      .catch(report)
    cancelTick = platform.setTimer(tick, TICK)
  }
  const stopWaking = platform.onWake(() => {
    replica.catchUp().catch(report)
    if (tabs.isLeader) process.wake()
  })
  tabs.post({ kind: 'hello' })

  function report(error: unknown): void {
    if (closed) return
    status.trouble(error)
    // Neither mends itself: what is on screen stays, nothing is sent or stored any more.
    if (error instanceof DatabaseReplacedError || error instanceof NewerSchemaError) close().catch(report)
  }

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    cancelTick()
    stopWaking()
    await process.close()
    tabs.close()
    database.close()
  }

  const rowLive = (row: Parameters<typeof mirror.rowView>[0]): Derived<SyncedRow<unknown> | undefined | Loading> =>
    mirror.rowView(row, {
      onLook: () => {
        if (mirror.confirmed(row) === undefined)
          replica.ensureRows([row, ...rowsOfStream(domain, row.key)]).catch(report)
      },
    })
  const states = new WeakMap<object, Live<SyncedState<never> | undefined>>()

  const client: TidemarkClient = {
    domain,
    principal,
    deviceId,
    newStream: (aggregate) => {
      const stream = aggregate.stream(newId())
      minted.add(stream)
      return stream
    },
    dispatch: ((command, target) => dispatch(command, target)) as TidemarkClient['dispatch'],
    rows: ((projection, query) =>
      windows.live(projection, (query ?? {}) as RowQuery<unknown>)) as TidemarkClient['rows'],
    row: ((projection, key) => rowLive({ projection, key })) as TidemarkClient['row'],
    state: ((aggregate, stream) => {
      const live = rowLive({ projection: stateRow(domain, aggregate), key: stream })
      const known = states.get(live)
      if (known !== undefined) return known
      const state: Live<SyncedState<unknown> | undefined> = stateLive(live)
      states.set(live, state as Live<SyncedState<never> | undefined>)
      return state
    }) as TidemarkClient['state'],
    pending: status.pending,
    attention: status.attention,
    status: status.live,
    history: (stream, signal) =>
      readHistory(domain, transport, stream, () => mirror.commandsOf(stream), signal ?? new AbortController().signal),
    resolve: (id, resolution) =>
      resolveAttention({ ...decider, replica, newId, onResolved: () => process.work() }, id, resolution),
    allows: (command) => command.allow(principal),
    sync: () => {
      if (tabs.isLeader) process.wake()
      else tabs.post({ kind: 'sync' })
    },
    close,
    signOut: async (choice) => {
      try {
        const { value: count } = await database.read(['pending'], (tables) => tables.pending.count())
        const isCovered =
          count === 0 || choice?.kind === 'keep' || (choice?.kind === 'discard' && choice.count === count)
        if (!isCovered) return { kind: 'pending-work', count }
        tabs.post({ kind: 'signed-out' })
        await close()
        if (count > 0 && choice?.kind === 'keep') return { kind: 'signed-out', kept: count }
        await database.destroy()
        return { kind: 'signed-out', kept: 0 }
      } catch (error) {
        return storageFailure(error)
      }
    },
  }
  return client
}

/** A state row in the shape of a state; the same object while the row is. */
function stateLive(row: Derived<SyncedRow<unknown> | undefined | Loading>): Live<SyncedState<unknown> | undefined> {
  let source: SyncedRow<unknown> | undefined
  let state: SyncedState<unknown> | undefined
  return {
    get: () => {
      const current = row.get()
      if (current === LOADING || current === undefined) return undefined
      if (current !== source) {
        source = current
        const { version, state: value } = current.row as VersionedState
        const { key, pending, attention, stale } = current
        state = { stream: key, version, state: value, pending, attention, stale }
      }
      return state
    },
    subscribe: (listener) => row.subscribe(listener),
  }
}
