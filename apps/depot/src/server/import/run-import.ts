import type { CommandResult, Principal, PushAnswer, PushedCommand, Uuid } from '@tidemark/core'
import type { ImportPlan } from './plan.ts'
import type { PlannedCommand } from './planned-command.ts'
import { countBy, type ImportOutcome, type ImportResult, type RefusedCommand } from './result.ts'

/** The command pipeline, and what it knows of earlier commands. */
export interface ImportTarget {
  push(
    principal: Principal,
    device: Uuid,
    commands: readonly PushedCommand[],
  ): Promise<readonly { id: string; answer: PushAnswer }[]>
  results(tenant: string, principal: string, commands: readonly Uuid[]): Promise<ReadonlyMap<string, CommandResult>>
}

export interface ImportRunOptions {
  readonly principal: Principal
  readonly device: Uuid
  readonly target: ImportTarget
  readonly onProgress?: (progress: ImportProgress) => void
  /** Milliseconds, of any origin. Default `performance.now`. */
  readonly now?: () => number
  readonly wait?: (ms: number) => Promise<void>
  /** Ends the import after the pushes in flight. */
  readonly signal?: AbortSignal
  /** How long the pipeline may take nothing before the import gives up. Default 60 seconds. */
  readonly patienceMs?: number
}

export interface ImportProgress {
  readonly done: number
  readonly total: number
}

/** The pipeline took nothing for too long. What was taken stays; importing again goes on where this one stopped. */
export class ImportStalled extends Error {
  override readonly name = 'ImportStalled'
}

/** The import was told to end. What was taken stays; importing again goes on where this one stopped. */
export class ImportStopped extends Error {
  override readonly name = 'ImportStopped'
}

const BATCH = 200
const IN_FLIGHT = 8
/**
 * A stream with so many commands to come gets pushes of its own, so that it never waits for other streams. They are as
 * slow as their commands are one after another; the other pushes meanwhile keep the log busy.
 */
const LONG = 40
const LONG_IN_FLIGHT = 4
const PER_LONG_STREAM = 100
const PER_SHORT_STREAM = 20

type Batch = ReadonlyMap<StreamQueue, readonly PlannedCommand[]>

interface StreamQueue {
  readonly commands: readonly PlannedCommand[]
  next: number
  busy: boolean
  /** Version and id of the last accepted command: what the next one stands on. */
  version: number
  after: Uuid | null
}

/**
 * Pushes a plan through the pipeline: in order per stream, streams side by side. Every command ends as accepted,
 * duplicate (it was accepted before this import began) or refused; what the pipeline cannot take now is asked again.
 *
 * @throws {ImportStalled | ImportStopped}
 */
export async function runImport(plan: ImportPlan, options: ImportRunOptions): Promise<ImportOutcome> {
  const { principal, device, target, onProgress, signal } = options
  const now = options.now ?? (() => performance.now())
  const wait = options.wait ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)))
  const patienceMs = options.patienceMs ?? 60_000
  const startedAt = now()
  const queues = toQueues(plan.commands)
  const tried = new Set<Uuid>()
  const known = new Set<string>()
  const written = new Set<string>()
  const refused: RefusedCommand[] = []
  let accepted = 0
  let duplicates = 0
  let events = 0
  let lastTakenAt = startedAt

  const settle = (
    queue: StreamQueue,
    command: PlannedCommand,
    answer: Exclude<PushAnswer, { kind: 'retry' }>,
  ): void => {
    lastTakenAt = now()
    if (answer.kind !== 'accepted') {
      refused.push({ type: command.type, reason: reasonOf(answer), lines: command.lines })
      return
    }
    if (known.has(command.id)) duplicates++
    else {
      accepted++
      if (answer.version > queue.version) {
        events++
        written.add(command.stream)
      }
    }
    queue.version = Math.max(queue.version, answer.version)
    queue.after = command.id
  }

  const pushBatch = async (batch: Batch): Promise<void> => {
    const commands = [...batch].flatMap(([queue, some]) =>
      some.map((command, at) => toPushed(queue, command, some[at - 1])),
    )
    const fresh = commands.map(({ id }) => id).filter((id) => !tried.has(id))
    const answers = new Map<string, PushAnswer>()
    try {
      for (const id of (await target.results(principal.tenant, principal.id, fresh)).keys()) known.add(id)
      for (const id of fresh) tried.add(id)
      for (const { id, answer } of await target.push(principal, device, commands)) answers.set(id, answer)
    } catch (error) {
      if (now() - lastTakenAt > patienceMs) throw error
    }
    let delay = 0
    for (const [queue, some] of batch) {
      let stood = true
      for (const command of some) {
        const answer = answers.get(command.id) ?? { kind: 'retry', after: 250, reason: 'unavailable' }
        if (answer.kind === 'retry') {
          // Behind a refused command the rest only needs another one to stand on.
          if (stood) delay = Math.max(delay, Math.min(Math.max(answer.after, 50), 5_000))
          break
        }
        queue.next++
        stood = answer.kind === 'accepted'
        settle(queue, command, answer)
      }
    }
    onProgress?.({ done: accepted + duplicates + refused.length, total: plan.commands.length })
    if (delay > 0 && signal?.aborted !== true) {
      if (now() - lastTakenAt > patienceMs) {
        throw new ImportStalled(
          `The server took no command for ${Math.round(patienceMs / 1_000)} seconds: see that the database runs, then import again; nothing is done twice.`,
        )
      }
      await wait(delay)
    }
    for (const queue of batch.keys()) queue.busy = false
  }

  const inFlight = new Set<Promise<void>>()
  for (;;) {
    while (inFlight.size < IN_FLIGHT && signal?.aborted !== true) {
      const batch = nextBatch(queues)
      if (batch.size === 0) break
      const push = pushBatch(batch).finally(() => inFlight.delete(push))
      inFlight.add(push)
    }
    if (inFlight.size === 0) break
    await Promise.race(inFlight)
  }
  if (signal?.aborted === true) throw new ImportStopped('The import was stopped; importing again goes on from here.')
  const result: ImportResult = {
    lines: plan.lines,
    commands: plan.commands.length,
    accepted,
    duplicates,
    refused: countBy(refused, ({ reason }) => reason),
    dirty: countBy(plan.dirty, ({ reason }) => reason),
    streams: written.size,
    events,
    seconds: Math.round(now() - startedAt) / 1_000,
  }
  return { result, refused }
}

function toQueues(commands: readonly PlannedCommand[]): readonly StreamQueue[] {
  const byStream = new Map<string, PlannedCommand[]>()
  for (const command of commands) {
    const some = byStream.get(command.stream)
    if (some === undefined) byStream.set(command.stream, [command])
    else some.push(command)
  }
  // Long ones first: a stream's commands wait for each other, so what is begun late is what the end waits for.
  return [...byStream.values()]
    .sort((a, b) => b.length - a.length)
    .map((some) => ({ commands: some, next: 0, busy: false, version: 0, after: null }))
}

/** The next commands of streams that have none in flight: of one long stream, or of several short ones. */
function nextBatch(queues: readonly StreamQueue[]): Batch {
  const free = queues.filter((queue) => !queue.busy && queue.next < queue.commands.length)
  const long = free.find((queue) => leftOf(queue) >= LONG)
  const isFull = queues.filter((queue) => queue.busy && leftOf(queue) >= LONG).length >= LONG_IN_FLIGHT
  if (long !== undefined && !isFull) return batchOf([long], PER_LONG_STREAM)
  const short = free.filter((queue) => leftOf(queue) < LONG)
  return batchOf(short.length > 0 || long === undefined ? short : [long], PER_SHORT_STREAM)
}

function batchOf(queues: readonly StreamQueue[], perStream: number): Batch {
  const batch = new Map<StreamQueue, readonly PlannedCommand[]>()
  let room = BATCH
  for (const queue of queues) {
    if (room === 0) break
    const some = queue.commands.slice(queue.next, queue.next + Math.min(perStream, room))
    queue.busy = true
    room -= some.length
    batch.set(queue, some)
  }
  return batch
}

function leftOf(queue: StreamQueue): number {
  return queue.commands.length - queue.next
}

/** The file's writer has seen an empty stream and its own commands, and so only what others did there is foreign. */
function toPushed(queue: StreamQueue, command: PlannedCommand, before: PlannedCommand | undefined): PushedCommand {
  const { id, type, schema, stream, input, occurredAt } = command
  return {
    id,
    type,
    schema,
    stream,
    input,
    occurredAt,
    base: { version: queue.version, after: before?.id ?? queue.after },
  }
}

function reasonOf(answer: Exclude<PushAnswer, { kind: 'accepted' | 'retry' }>): string {
  switch (answer.kind) {
    case 'refused':
      return answer.code
    case 'invalid':
      return answer.reason
    case 'conflict':
    case 'forbidden':
      return answer.kind
  }
}
