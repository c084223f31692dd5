import type { StoredEvent } from '@tidemark/core'
import { DatabaseError } from '@tidemark/store'
import { FIRST_RUN, nextRun } from './build-pace.ts'
import { isInPart, partConsumer, type BuildPart } from './build-part.ts'
import { readControlEvent, UNPARKED, UNPARKED_SCHEMA } from './control-event.ts'
import { CLOSED, judge, type Breaker } from './circuit-breaker.ts'
import { toFailingBlock, type FailingBlock } from './failing-block.ts'
import { foldBatch, keyId, type BatchWrites, type RowId } from './fold-batch.ts'
import { createFoldMemory } from './fold-memory.ts'
import type { FoldPace } from './fold-pace.ts'
import { interpretEvents, type Block, type Touch } from './interpret-events.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'
import { toTallies, type BatchContext } from './run-batch.ts'
import { barBuild, restartWhole } from './statements/builds.ts'
import { commitPart } from './statements/commit-part.ts'
import { loadBatch, skipId } from './statements/load-batch.ts'

export type PartStep =
  | { readonly kind: 'more' }
  /** It has come to its goal, or to an event that concerns all parts. */
  | { readonly kind: 'ended' }
  /** An event that newer code may be able to read stands in the way, or the projection fails on nearly all of them. */
  | { readonly kind: 'blocked'; readonly block: Block | FailingBlock }
  /** The build is not running any more, begins again, or another process works here. What was not written is lost. */
  | { readonly kind: 'lost' }

export interface PartFold {
  readonly consumer: string
  /**
   * Reads and folds the next events; writes when enough is in memory, or has been for long. After anything but `more`, and
   * after a throw, what is in memory is not to be trusted: the part is folded on by another one of these.
   */
  step(fence: number): Promise<PartStep>
}

export interface PartOptions {
  readonly lane: number
  readonly member: RegisteredProjection
  readonly part: BuildPart & { readonly at: number }
  readonly goal: number
  /** Nothing is stored of the build: it has just begun. */
  readonly empty: boolean
  readonly pace: FoldPace
  readonly clock: () => number
}

/** UTF-16 units of rows in memory; three times that in bytes, all told. */
const MOST_MEMORY = 32_000_000
const WRITE_AFTER_MS = 5_000
const FOR_EVER = Number.MAX_SAFE_INTEGER

/**
 * Folds one key range of a build: all events of the lane, of which it takes those of its keys. Rows stay in memory for as
 * long as there is room, and are written now and then, each as it is then, with the checkpoint last.
 *
 * What concerns more than one key (a person's decision about parked events, an event they edited, one whose key cannot be known) is not for
 * a part: all parts stop before it, and the build goes past it whole.
 */
export function createPartFold(context: BatchContext, options: PartOptions): PartFold {
  const { sql, store, domain, runGuarded } = context
  const { lane, member, part, goal, pace, clock } = options
  const { id } = member
  const consumer = partConsumer(id, part)
  const set = toProjectionSet([member])
  const memory = createFoldMemory()
  // Of a build that has nothing stored, what is not in memory is nowhere.
  let complete = options.empty
  let written = part.at
  let folded = part.at
  let wroteAt = clock()
  let breaker: Breaker = CLOSED
  /** Events that are folded before the event loop is free again. */
  let run = FIRST_RUN
  let ahead: ReturnType<typeof read> | undefined

  /**
   * The next events, and what people decided about them: known this early, since a decision about what the build may have
   * passed takes its checkpoints away, and nothing of it is written any more.
   */
  const read = (after: number): Promise<readonly [readonly StoredEvent[], Decided]> => {
    const limit = pace.pieces().events
    return Promise.all([
      store.readLane({ lane, after, limit, upTo: goal, bare: true }),
      loadBatch(sql, { keys: [], streams: () => [], range: { lane, after, to: after + limit } }),
    ])
  }

  /** Reads on while this is folded. */
  const readAhead = (after: number): void => {
    if (after >= goal) return
    ahead = read(after)
    // Its failure is that of the step that asks for it.
    ahead.catch(() => {})
  }

  const restart = async (): Promise<PartStep> => {
    await restartWhole(sql, { lane, id })
    return { kind: 'lost' }
  }

  const write = async (fence: number): Promise<'written' | 'lost' | 'rejected'> => {
    const { rest, last } = memory.take(pace.pieces().keys)
    const commit = (writes: BatchWrites, to: number | null) =>
      commitPart(sql, { consumer, lane, id, from: written, to, fence, writes })
    try {
      for (const portion of rest) {
        if ((await commit(portion(), null)) !== 'committed') return 'lost'
        await pace.breathe()
      }
      if ((await commit(last(), folded)) !== 'committed') return 'lost'
    } catch (error) {
      // A row that the database does not take.
      if (error instanceof DatabaseError && error.kind === 'rejected') return 'rejected'
      throw error
    }
    written = folded
    wroteAt = clock()
    if (memory.length > MOST_MEMORY / 2) {
      memory.forget()
      complete = false
    }
    return 'written'
  }

  /** Brings the rows into memory. */
  const load = async (touches: readonly Touch[]): Promise<void> => {
    const asked = complete ? [] : memory.missing(toIds(touches))
    if (asked.length === 0) return
    const { keys } = await loadBatch(sql, { keys: asked, streams: () => [], range: { lane, after: 0, to: 0 } })
    memory.learn(asked, keys)
  }

  const toCounted = (touches: readonly Touch[], { skipped }: Decided): readonly Touch[] =>
    skipped.size === 0
      ? touches
      : touches.filter((touch) => !skipped.has(skipId(member.projection.name, touch.stored.position)))

  /** `undefined`: all of them are folded. */
  const fold = async (counted: readonly Touch[]): Promise<PartStep | undefined> => {
    for (let first = 0; first < counted.length;) {
      const some = counted.slice(first, first + run)
      const startedAt = clock()
      const result = runGuarded(() => foldBatch(some, memory))
      if (result.kind === 'failed') return restart()
      breaker = judge(breaker, toTallies(some, result.value), clock())
      if (breaker.kind === 'open') return { kind: 'blocked', block: toFailingBlock(breaker) }
      memory.add(result.value)
      first += some.length
      run = nextRun(some.length, clock() - startedAt)
      await pace.breathe()
    }
    return undefined
  }

  return {
    consumer,
    step: async (fence) => {
      const [events, decided] = await (ahead ?? read(folded))
      ahead = undefined
      await pace.probe()
      const own = events.filter((event) => event.position > folded)
      const barrier = own.find((event) => concernsAll(event, member.projection.name))
      const before = barrier === undefined ? own : own.filter((event) => event.position < barrier.position)
      const last = before.at(-1)
      if (barrier === undefined && last !== undefined) readAhead(last.position)

      let stop: { readonly at: number; readonly until: number } | undefined = barrier && {
        at: barrier.position - 1,
        until: barrier.position,
      }
      let block: Block | undefined
      if (last !== undefined) {
        const found = runGuarded(() => interpretEvents(domain, set, before))
        // Code that does not end: the events are tried one by one where the build is folded whole.
        if (found.kind === 'failed') return restart()
        const { touches } = found.value
        block = found.value.block
        const unknown = touches.find((touch) => touch.key === undefined)
        if (unknown !== undefined) stop = { at: unknown.stored.position - 1, until: FOR_EVER }
        let to = Math.min(stop?.at ?? last.position, block === undefined ? last.position : block.position - 1)
        const mine = touches.filter(
          ({ key, stored }) => stored.position <= to && key !== undefined && isInPart(part, stored.tenant, key),
        )
        if (to > folded) {
          await load(mine)
          const edited = Math.min(
            ...decided.edits.filter((edit) => edit.projection === member.projection.name).map((edit) => edit.position),
          )
          if (edited <= to) {
            // What it says now may be about a row of another part.
            stop = { at: edited - 1, until: edited }
            to = edited - 1
          }
          const counted = toCounted(mine, decided)
          const hindered = await fold(counted.filter((touch) => touch.stored.position <= to))
          if (hindered !== undefined) return hindered
          folded = to
        }
      }
      const ended = stop !== undefined || block !== undefined || folded >= goal
      const full = memory.length > MOST_MEMORY || clock() - wroteAt > WRITE_AFTER_MS
      if (ended || full) {
        if (folded > written) {
          const answer = await write(fence)
          if (answer === 'lost') return { kind: 'lost' }
          if (answer === 'rejected') return restart()
        }
      }
      if (stop !== undefined) {
        await barBuild(sql, { lane, id, until: stop.until })
        return { kind: 'ended' }
      }
      if (block !== undefined) return { kind: 'blocked', block }
      if (folded >= goal) return { kind: 'ended' }
      // The log ends before the goal only where it was cut: the next look tells.
      return events.length === 0 ? { kind: 'ended' } : { kind: 'more' }
    },
  }
}

type Decided = Pick<Awaited<ReturnType<typeof loadBatch>>, 'skipped' | 'edits'>

/** Whether an event is to be handled by the build as a whole. */
function concernsAll(event: StoredEvent, projection: string): boolean {
  if (event.type !== UNPARKED) return false
  const said = readControlEvent(event)
  // Of a newer schema, or not to be read: the whole build knows what to do.
  return (
    event.schema > UNPARKED_SCHEMA || said === undefined || said.units.some((unit) => unit.projection === projection)
  )
}

function toIds(touches: readonly Touch[]): readonly RowId[] {
  const ids = new Map<string, RowId>()
  for (const { projection, stored, key } of touches) {
    if (key === undefined) continue
    ids.set(keyId(projection.id, stored.tenant, key), { projection: projection.id, tenant: stored.tenant, key })
  }
  return [...ids.values()]
}
