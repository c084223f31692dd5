import { createIdGenerator, PROTOCOL_VERSION, type Domain, type Principal, type Transport } from '@tidemark/core'
import { databaseNameOf, DatabaseReplacedError, NewerSchemaError, openDatabase } from './database.ts'
import { createDispatch } from './dispatch.ts'
import { claimTerm, FencedError } from './fence.ts'
import { readFeed } from './feed.ts'
import { createFirstRead, type FirstRead, type StoredLive } from './first-read.ts'
import { LOADING, type Live, type Loading } from './live.ts'
import { createMirror } from './mirror.ts'
import { rowsOfStream } from './overlay.ts'
import { pendingOf } from './pending-of.ts'
import { loadSecondCopy } from './load-second-copy.ts'
import { loadSync } from './load-sync.ts'
import { withOwnHistory } from './own-history.ts'
import { createPart, withPart } from './part.ts'
import { PENDING_BYTES } from './pending-bytes.ts'
import { browserPlatform, type Platform } from './platform.ts'
import { readReport } from './recovery-report.ts'
import { refoldFormer, reindexRows } from './reindex.ts'
import { createReplica } from './replica.ts'
import { stateRow } from './state-row.ts'
import { stateLive } from './state-live.ts'
import { createStatus } from './status.ts'
import { openTabs, type TabMessage } from './tabs.ts'
import type {
  HistoryEntry,
  RecoveryReport,
  RowQuery,
  SyncedRow,
  SyncedState,
  TidemarkClient,
} from './tidemark-client.ts'
import { createUnsentWork } from './unsent-work.ts'
import { createWindows } from './windows.ts'

export interface ClientOptions {
  readonly domain: Domain
  readonly principal: Principal
  readonly transport: Transport
  /** Default `<domain>:<tenant>:<principal>`: two accounts on one device never share anything. */
  readonly databaseName?: string
  /** Unsent work may take so many bytes of the device; beyond that `dispatch` answers `storage`, `full`. Default 64 MB. */
  readonly maxPendingBytes?: number
  readonly platform?: Partial<Platform>
  /**
   * Opening waits for another tab, frozen by the browser most likely, that runs an older version of the app and holds the
   * data open: a person may close or reload it. Nothing is lost meanwhile, and opening goes on by itself.
   */
  readonly onBlocked?: () => void
}

type ShownRow = SyncedRow<unknown> | undefined | Loading

/** How often a tab looks whether it has missed something, and lets go of what nobody watches. Milliseconds. */
const TICK = 5_000

/**
 * Opens this person's copy of the app's data on this device and starts syncing it. Rejects where the browser's storage
 * cannot be opened.
 */
export async function createClient(options: ClientOptions): Promise<TidemarkClient> {
  const { domain, principal, transport } = options
  const platform: Platform = { ...browserPlatform(), ...options.platform }
  const maxPendingBytes = options.maxPendingBytes ?? PENDING_BYTES
  const name = options.databaseName ?? databaseNameOf(domain, principal)
  const newId = createIdGenerator({ now: () => platform.now(), random: (bytes) => platform.random(bytes) })
  const now = (): number => platform.now()
  let showState = (): void => undefined
  let recovering = Promise.resolve()
  const copy = loadSecondCopy({
    name,
    platform,
    onState: () => showState(),
    onRecovered: tellRecovery,
    lastContact: () => process.lastContact,
    onTrouble: (error) => console.error('[tidemark]', error),
  })
  const database = await openDatabase({
    name,
    platform,
    newId,
    formerDevice: () => copy.formerDevice(),
    onBlocked: options.onBlocked,
    onDeleted: () => {
      close().catch(report)
    },
  })
  const deviceId = database.device
  await reindexRows(domain, database)
  await refoldFormer(domain, database)
  const { value: kept } = await database.read(['cursors'], async (tables) => ({
    feed: await readFeed(tables),
    lastContact: (await tables.meta.get('last-contact'))?.value,
    recovery: (await tables.meta.get('recovery'))?.value,
  }))

  let closed = false
  const decider = { domain, principal, now }
  const mirror = createMirror(domain)
  const replica = createReplica({
    domain,
    database,
    mirror,
    onChange: (change) => {
      copy.follow(change)
      // What the others read again need not be told.
      tabs.post({ kind: 'change', change: change.everything ? { ...change, put: [], rows: [] } : change })
    },
    onTrouble: report,
  })
  await replica.catchUp()

  const process = loadSync({
    domain,
    principal,
    now,
    replica,
    term: () => tabs.term,
    onCut: () => {
      status.synced()
      process.work()
    },
    onElsewhere: tellRecovery,
    copy: (change) => copy.keep(change),
    transport,
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
      status.changed()
      // The first pull asks what became of commands that were brought back: rows may hold what they did.
      if (!database.isNew) process.lead()
      else void recovering.then(() => tabs.isLeader && process.lead())
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
    maxPendingBytes,
    hasSynced: kept.feed.cursor !== null,
    lastContact: typeof kept.lastContact === 'number' ? kept.lastContact : null,
    copy,
    recovery: readReport(kept.recovery),
  })

  showState = status.changed

  const minted = new Set<string>()
  const dispatch = createDispatch({
    domain,
    principal,
    replica,
    newId,
    now,
    minted,
    maxPendingBytes,
    onStored: () => {
      process.work()
      status.keepData()
    },
    copy: (change) => copy.keep(change),
    onTrouble: report,
  })
  const windows = createWindows({ replica, onTrouble: report })

  function onMessage(message: Exclude<TabMessage, { kind: 'beat' }>): void {
    switch (message.kind) {
      case 'change':
        copy.follow(message.change)
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
      case 'recovery':
        status.recovered(message.report)
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
      .then(async () => {
        if (tabs.isLeader) {
          if (process.state.kind === 'live') await process.askAgain()
          process.work()
        }
        await copy.tend()
      })
      .catch((error: unknown) => {
        if (error instanceof FencedError) tabs.resign(error.term)
        else report(error)
      })
    cancelTick = platform.setTimer(tick, TICK)
  }
  const stopWaking = platform.onWake(() => {
    replica.catchUp().catch(report)
    if (tabs.isLeader) process.wake()
  })
  tabs.post({ kind: 'hello' })
  recovering = copy.start(replica).then((found) => {
    if (found !== null) tellRecovery(found)
  })
  // A database that had to be made anew is shown with what there was in it.
  if (database.isNew) await recovering

  function report(error: unknown): void {
    if (closed) return
    status.trouble(error)
    // Neither mends itself: what is on screen stays, nothing is sent or stored any more.
    if (error instanceof DatabaseReplacedError || error instanceof NewerSchemaError) close().catch(report)
  }

  async function close(): Promise<void> {
    await stop()
    copy.close()
  }

  /** Ends everything but the second copy. */
  async function stop(): Promise<void> {
    if (closed) return
    closed = true
    cancelTick()
    stopWaking()
    await process.close()
    await recovering
    tabs.close()
    database.close()
  }

  function sync(): void {
    if (tabs.isLeader) process.wake()
    else tabs.post({ kind: 'sync' })
  }

  function tellRecovery(report: RecoveryReport | null): void {
    status.recovered(report)
    tabs.post({ kind: 'recovery', report })
  }

  const firstReads = new WeakMap<object, FirstRead>()
  const rowLive = (row: Parameters<typeof mirror.rowView>[0]): StoredLive<ShownRow> => {
    const live = mirror.rowView(row, {
      onLook: () => {
        if (mirror.holds(row)) return
        replica.ensureRows([row, ...rowsOfStream(domain, row.key)]).catch((error: unknown) => {
          firstReads.get(live)?.failed(error)
          report(error)
        })
      },
    })
    let first = firstReads.get(live)
    if (first === undefined) {
      first = createFirstRead<ShownRow>(live, (shown) => shown === LOADING)
      firstReads.set(live, first)
    }
    const { ready } = first
    return Object.assign(live, { ready })
  }
  const later = createPart(() => import('./after-first-paint.ts'))
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
    history: async (stream, signal = new AbortController().signal) => {
      const complete = async (entries: readonly HistoryEntry[]): Promise<HistoryEntry[]> => {
        const { value: pending } = await database.read(['pending'], (tables) => pendingOf(tables, stream))
        return withOwnHistory(entries, pending)
      }
      const read = await withPart(later, ({ readHistory }) => readHistory(domain, transport, stream, complete, signal))
      return read.kind === 'not-loaded' ? { kind: 'offline', entries: await complete([]) } : read
    },
    query: async (definition, input, options = {}) => {
      // What is confirmed on this device, by whichever tab: an answer older than what stands beside it would be odd.
      const { cursor } = await database.read(['cursors'], readFeed).then(
        ({ value }) => value,
        () => ({ cursor: null }),
      )
      const answer = await withPart(later, ({ askServer }) =>
        askServer(transport, definition, input, { ...options, after: cursor === null ? [] : [cursor] }),
      )
      return answer.kind === 'not-loaded' ? { kind: 'offline' } : answer
    },
    resolve: (id, resolution) =>
      withPart(later, ({ resolveAttention }) =>
        resolveAttention(
          { ...decider, replica, newId, onResolved: () => process.work(), copy: (change) => copy.keep(change) },
          id,
          resolution,
        ),
      ),
    allows: (command) => command.allow(principal),
    sync,
    ...createUnsentWork({
      maxPendingBytes,
      later,
      decider,
      replica,
      status,
      copy,
      sync,
      send: () => process.work(),
      tellRecovery,
      leave: async () => {
        tabs.post({ kind: 'signed-out' })
        await stop()
      },
      onTrouble: report,
    }),
    close,
  }
  return client
}
