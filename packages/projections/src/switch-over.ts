import type { StoredEvent } from '@tidemark/core'
import { buildConsumer } from './build-part.ts'
import { CLOSED } from './circuit-breaker.ts'
import { definitionOf } from './definition.ts'
import { readRebuiltEvent } from './rebuild-event.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'
import type { BatchContext, BatchRequest, BatchResult } from './run-batch.ts'
import { readCheckpoint } from './statements/checkpoint.ts'
import { commitBatch, type CommitAnswer } from './statements/commit-batch.ts'
import { switchGeneration } from './statements/switch-generation.ts'

type RunBatch = (context: BatchContext, request: BatchRequest) => Promise<BatchResult>

/** What the lane waits for at most, while it brings a build to the event itself. */
const BATCHES = 8
const EVENTS_AT_ONCE = 1_000
const LOOKS = 50
const LOOK_MS = 20

/**
 * Carries out the event at which a build goes live: brings the build to right before it, where that is near, and switches.
 * Where it is not, the lane goes on without the switch, and the build is announced again: live rows wait for no build.
 */
export async function switchOver(
  context: BatchContext,
  request: BatchRequest,
  event: StoredEvent,
  runBatch: RunBatch,
): Promise<{ readonly kind: CommitAnswer }> {
  const { lane, from, fence, set } = request
  const said = readRebuiltEvent(event)
  const to = { consumer: request.consumer, lane, from, to: event.position, eventId: event.id, fence, covered: set.ids }
  const member = set.members.find(
    ({ projection }) => projection.name === said?.projection && projection.version === said.version,
  )
  if (said === undefined || member === undefined) {
    const nothing = { rows: [], gone: [], tombstones: [], lifted: [], parked: [] }
    return { kind: await commitBatch(context.sql, { ...to, writes: nothing }) }
  }
  const build = { lane, goal: from, member: { id: said.build, projection: member.projection } }
  if (definitionOf(member.projection) === said.definition) await bringUp(context, build, runBatch)
  else await waitFor(context, build)
  const answer = await switchGeneration(context.sql, { ...to, build: said.build })
  return { kind: answer === 'switched' || answer === 'judged' || answer === 'missed' ? 'committed' : answer }
}

interface NearBuild {
  readonly lane: number
  readonly goal: number
  readonly member: RegisteredProjection
}

/** Rows of different code are not mixed: what a build lacks is left to the process that folds it, for a moment. */
async function waitFor({ sql }: BatchContext, { lane, goal, member }: NearBuild): Promise<void> {
  const consumer = buildConsumer(member.id)
  for (let look = 0; look < LOOKS; look++) {
    const place = await readCheckpoint(sql, { consumer, lane })
    if (place === undefined || place.position >= goal || goal - place.position > BATCHES * EVENTS_AT_ONCE) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** Folds what a build lacks up to `goal`, if that is little. Beside its own worker, of whom only one comes through. */
async function bringUp(context: BatchContext, { lane, goal, member }: NearBuild, runBatch: RunBatch): Promise<void> {
  const consumer = buildConsumer(member.id)
  const set = toProjectionSet([member])
  for (let batch = 0; batch < BATCHES; batch++) {
    const place = await readCheckpoint(context.sql, { consumer, lane })
    if (place === undefined || place.position >= goal || goal - place.position > BATCHES * EVENTS_AT_ONCE) return
    const { position: at, fence } = place
    const limit = Math.min(EVENTS_AT_ONCE, goal - at)
    const result = await runBatch(context, { consumer, lane, from: at, limit, fence, set, judge: () => CLOSED })
    if (result.kind !== 'committed' && result.kind !== 'stale') return
  }
}
