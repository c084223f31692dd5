/**
 * Copy-and-transform: what upcasting cannot do (split a stream, merge or drop events, rename an aggregate, change what a
 * stream is about) is done by writing new streams beside the old ones. The old ones are never touched.
 *
 * Each stream is first planned to its end, so that one that cannot be read or transformed leaves nothing behind; then it
 * is appended under derived command ids. A run that crashed anywhere is started again under the same name and goes on:
 * what was stored is answered by the store as such. Two processes on the same run do the work twice and the effect once.
 *
 * Projections see old and new streams both, in the order of the log. Give the new ones types, or an aggregate, that the
 * old projections do not fold, and take the old ones out of the new projections by theirs.
 */
import {
  isLogName,
  type AbortSignalLike,
  type AppendAnswer,
  type AppendRequest,
  type Domain,
  type EventStore,
  type JsonObject,
  type StoredEvent,
  type StreamId,
} from '@tidemark/core'
import { isTransient } from './errors.ts'
import type { TransformAudit, TransformEntry } from './transform-audit.ts'
import { TransformPlan, type StreamTransformer, type TransformFailure } from './transform-plan.ts'

export interface TransformOptions {
  readonly store: Pick<EventStore, 'append' | 'readStreams'>
  readonly audit: TransformAudit
  readonly tenant: string
  /** Names the run in the audit trail and in every event's link; the same name goes on where it stopped. */
  readonly run: string
  /** The streams to copy: a list, or `streamsOf`. Those without events, and those this run has made, count as skipped. */
  readonly select: Iterable<StreamId> | AsyncIterable<StreamId>
  /** How to transform a stream, or `skip`. Asked anew for every attempt. Deterministic. */
  readonly transform: (source: StreamId) => StreamTransformer | 'skip'
  /** Upcasts and validates what the transformer is given. Default: it gets what is stored. */
  readonly sourceDomain?: Domain
  /** Validates what the transformer returns, before anything is written. */
  readonly targetDomain?: Domain
  /** Plans everything and writes nothing, the audit trail included. */
  readonly dryRun?: boolean
  /** Streams at a time. Default 4. */
  readonly concurrency?: number
  /** Source events read at once. Default 1,000. */
  readonly pageEvents?: number
  readonly signal?: AbortSignalLike
  /** After every stream. */
  readonly onProgress?: (progress: TransformProgress) => void
  /** For every stream that was not copied. */
  readonly onFailure?: (source: StreamId, failure: TransformFailure) => void
}

export interface TransformProgress {
  /** Copied by this call (or, in a dry run, that would be). */
  readonly done: number
  /** Finished by an earlier call of the run. */
  readonly before: number
  readonly skipped: number
  readonly failed: number
  readonly eventsRead: number
  readonly eventsWritten: number
  /** The last stream finished, `''` before the first. */
  readonly stream: StreamId
}

export type TransformResult = TransformProgress &
  (
    | { readonly kind: 'done' }
    /** By the signal. What is written stays, and the same run goes on from it. */
    | { readonly kind: 'cancelled' }
    /** The store could not be asked for a while. The same run goes on later. */
    | { readonly kind: 'unavailable'; readonly cause: string }
  )

/** Appends of one stream under way at once. They share calls, and each names the version it expects. */
const APPENDS_AT_ONCE = 64
const ATTEMPTS = 5
const PAGE_EVENTS = 1_000

type StreamOutcome =
  | { readonly kind: 'done' | 'before' | 'skipped'; readonly read: number; readonly written: number }
  | { readonly kind: 'failed'; readonly failure: TransformFailure }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unavailable'; readonly cause: string }

/** @throws RangeError on a run without a usable name. */
export async function transformStreams(options: TransformOptions): Promise<TransformResult> {
  if (!isLogName(options.run))
    throw new RangeError('A run needs a name of 1 to 250 characters without control characters.')
  let progress: TransformProgress = {
    done: 0,
    before: 0,
    skipped: 0,
    failed: 0,
    eventsRead: 0,
    eventsWritten: 0,
    stream: '',
  }
  const stops: Extract<StreamOutcome, { kind: 'cancelled' | 'unavailable' }>[] = []
  const sources = iterate(options.select)

  const work = async (): Promise<void> => {
    while (stops.length === 0) {
      if (options.signal?.aborted === true) {
        stops.push({ kind: 'cancelled' })
        return
      }
      const next = await sources.next()
      if (next.done === true) return
      const stream = next.value
      const outcome = await transformStream(options, stream).catch((error: unknown): StreamOutcome => {
        if (isTransient(error)) return { kind: 'unavailable', cause: `${error.code}: ${error.message}` }
        // The other workers stop as well, before the caller is told.
        stops.push({ kind: 'cancelled' })
        throw error
      })
      switch (outcome.kind) {
        case 'cancelled':
        case 'unavailable':
          stops.push(outcome)
          return
        case 'failed':
          progress = { ...progress, failed: progress.failed + 1, stream }
          options.onFailure?.(stream, outcome.failure)
          break
        case 'done':
        case 'before':
        case 'skipped':
          progress = {
            ...progress,
            [outcome.kind]: progress[outcome.kind] + 1,
            eventsRead: progress.eventsRead + outcome.read,
            eventsWritten: progress.eventsWritten + outcome.written,
            stream,
          }
      }
      options.onProgress?.(progress)
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: Math.max(1, options.concurrency ?? 4) }, work))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  return { ...progress, ...(stops[0] ?? { kind: 'done' }) }
}

async function transformStream(options: TransformOptions, source: StreamId): Promise<StreamOutcome> {
  const { audit, tenant, run, dryRun = false, pageEvents = PAGE_EVENTS } = options
  const key = { tenant, run, source }
  const [head = []] = await options.store.readStreams([{ tenant, stream: source, after: 0, limit: pageEvents }])
  const [first] = head
  if (first === undefined || isMadeBy(first, run)) return { kind: 'skipped', read: 0, written: 0 }
  const sourceVersion = head.length < pageEvents ? head.length : await versionOf(options, source, head.length)
  const transformer = options.transform(source)
  const start = { ...key, sourceVersion, target: transformer === 'skip' ? null : transformer.target }
  const entry: Pick<TransformEntry, 'state' | 'sourceVersion' | 'target'> = dryRun
    ? { ...start, state: 'started' }
    : await audit.begin(start)
  if (entry.state === 'done' || entry.state === 'skipped') return { kind: 'before', read: 0, written: 0 }
  if (transformer === 'skip') {
    if (!dryRun) await audit.finish(key, { state: 'skipped' })
    return { kind: 'skipped', read: 0, written: 0 }
  }
  const outcome = await copy(options, { stream: source, version: entry.sourceVersion, head }, transformer, entry.target)
  if (dryRun) return outcome
  if (outcome.kind === 'failed') await audit.finish(key, { state: 'failed', failure: outcome.failure })
  if (outcome.kind === 'done') await audit.finish(key, { state: 'done', targetVersion: outcome.written })
  return outcome
}

/** What is copied: the events up to the version, of which the first ones were read already. */
interface Source {
  readonly stream: StreamId
  readonly version: number
  readonly head: readonly StoredEvent[]
}

async function copy(
  options: TransformOptions,
  source: Source,
  transformer: StreamTransformer,
  expectedTarget: StreamId | null,
): Promise<StreamOutcome> {
  const { target } = transformer
  if (target === source.stream) return { kind: 'failed', failure: { kind: 'target-is-source' } }
  if (expectedTarget !== target) return { kind: 'failed', failure: { kind: 'changed-transform', target } }
  const planned = await plan(options, source, transformer, () => Promise.resolve(undefined))
  if ('kind' in planned) return planned
  const done = { kind: 'done', read: source.version, written: planned.targetVersion } as const
  if (options.dryRun === true) {
    const [[found] = []] = await options.store.readStreams([
      { tenant: options.tenant, stream: target, after: 0, limit: 1 },
    ])
    const isForeign = planned.firstEvent !== undefined && found !== undefined && found.id !== planned.firstEvent
    return isForeign ? { kind: 'failed', failure: { kind: 'target-exists', target } } : done
  }
  const again = options.transform(source.stream)
  if (again === 'skip') return { kind: 'failed', failure: { kind: 'changed-transform', target } }
  const written = await plan(options, source, again, (appends) => appendAll(options, target, appends))
  return 'kind' in written ? written : done
}

/** Reads the source up to its version and hands on the appends that follow from it. */
async function plan(
  options: TransformOptions,
  source: Source,
  transformer: StreamTransformer,
  write: (appends: readonly AppendRequest[]) => Promise<StreamOutcome | undefined>,
): Promise<StreamOutcome | { readonly targetVersion: number; readonly firstEvent: string | undefined }> {
  const { store, tenant, run, pageEvents = PAGE_EVENTS, sourceDomain, targetDomain } = options
  const { stream, version } = source
  const planning = new TransformPlan({ tenant, run, source: stream, transformer, sourceDomain, targetDomain })
  let firstEvent: string | undefined
  const hand = (): Promise<StreamOutcome | undefined> => {
    const appends = planning.take()
    firstEvent ??= appends[0]?.events[0]?.id
    return write(appends)
  }
  let page = source.head.slice(0, version)
  for (let after = 0; after < version;) {
    if (options.signal?.aborted === true) return { kind: 'cancelled' }
    if (after > 0) {
      const limit = Math.min(pageEvents, version - after)
      page = [...((await store.readStreams([{ tenant, stream, after, limit }]))[0] ?? [])]
    }
    if (page.length === 0) return { kind: 'failed', failure: { kind: 'incomplete-source', version: after + 1 } }
    for (const event of page) {
      const failure = planning.add(event)
      if (failure !== undefined) return { kind: 'failed', failure }
    }
    after += page.length
    const stopped = await hand()
    if (stopped !== undefined) return stopped
  }
  const failure = planning.end()
  if (failure !== undefined) return { kind: 'failed', failure }
  const stopped = await hand()
  return stopped ?? { targetVersion: planning.targetVersion, firstEvent }
}

/** Appends in order. Nothing when all are stored, now or by an earlier attempt. */
async function appendAll(
  options: TransformOptions,
  target: StreamId,
  appends: readonly AppendRequest[],
): Promise<StreamOutcome | undefined> {
  for (let from = 0; from < appends.length; from += APPENDS_AT_ONCE) {
    const some = appends.slice(from, from + APPENDS_AT_ONCE)
    for (let attempt = 1; ; attempt++) {
      const answers = await Promise.all(some.map((append) => options.store.append(append)))
      // Where one could not be stored the ones behind it conflict, so this is looked at first.
      const waiting = answers.find((answer) => answer.kind === 'unavailable' || answer.kind === 'overloaded')
      if (waiting === undefined) {
        const failure = judge(target, some, answers)
        if (failure !== undefined) return { kind: 'failed', failure }
        break
      }
      if (options.signal?.aborted === true) return { kind: 'cancelled' }
      if (attempt === ATTEMPTS) {
        return {
          kind: 'unavailable',
          cause: waiting.kind === 'unavailable' ? waiting.cause : 'The lane’s queue stayed full.',
        }
      }
      await new Promise((resolve) => setTimeout(resolve, waiting.retryAfterMs))
    }
  }
  return undefined
}

function judge(
  target: StreamId,
  appends: readonly AppendRequest[],
  answers: readonly AppendAnswer[],
): TransformFailure | undefined {
  for (const [index, answer] of answers.entries()) {
    const append = appends[index] as AppendRequest
    const version = (append.expected as number) + append.events.length
    switch (answer.kind) {
      case 'appended':
        break
      case 'duplicate':
        if (answer.result.kind !== 'accepted' || answer.result.stream !== target || answer.result.version !== version) {
          return { kind: 'changed-transform', target }
        }
        break
      case 'command-reused':
        return { kind: 'changed-transform', target }
      case 'conflict':
        return { kind: 'target-exists', target }
      default:
        return { kind: 'refused', answer: answer.kind }
    }
  }
  return undefined
}

/** The version of a stream that has at least `low` events, without reading it: versions have no gaps, so look for the end. */
async function versionOf({ store, tenant }: TransformOptions, stream: StreamId, low: number): Promise<number> {
  const has = async (version: number): Promise<boolean> => {
    const [events = []] = await store.readStreams([{ tenant, stream, after: version - 1, limit: 1 }])
    return events.length > 0
  }
  let known = low
  let missing = low * 2
  while (await has(missing)) {
    known = missing
    missing *= 2
  }
  while (missing - known > 1) {
    const middle = Math.floor((known + missing) / 2)
    if (await has(middle)) known = middle
    else missing = middle
  }
  return known
}

function isMadeBy({ metadata }: StoredEvent, run: string): boolean {
  const link = metadata['transformed'] as JsonObject | undefined
  return link?.['run'] === run
}

/** One iterator that several workers may pull: calls of an async generator queue, those of a list never overlap. */
function iterate(select: Iterable<StreamId> | AsyncIterable<StreamId>): AsyncGenerator<StreamId> {
  return (async function* () {
    yield* select
  })()
}
