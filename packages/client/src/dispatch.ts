import {
  decideCommand,
  initialState,
  toStoredJson,
  validate,
  WIRE_LIMITS,
  type AnyAggregate,
  type CommandDefinition,
  type Decided,
  type Domain,
  type Json,
  type Principal,
  type StreamId,
  type Uuid,
  type ValidationIssue,
} from '@tidemark/core'
import type { Change, ChangeDraft } from './change.ts'
import type { Write } from './database.ts'
import { withDerived } from './derived.ts'
import { rowsOf, rowsOfStream } from './overlay.ts'
import { bytesOf, QueueFullError } from './pending-bytes.ts'
import type { Replica } from './replica.ts'
import type { MetaRecord, PendingRecord, Prediction } from './records.ts'
import { stateRow } from './state-row.ts'
import { factsOf, type StreamFacts } from './stream-facts.ts'
import { storageFailure } from './storage-failure.ts'
import type { DispatchResult } from './tidemark-client.ts'

export interface DispatchContext {
  readonly domain: Domain
  readonly principal: Principal
  readonly replica: Replica
  readonly newId: () => Uuid
  readonly now: () => number
  /** Streams minted in this tab, known to be new. */
  readonly minted: Set<StreamId>
  /** Unsent work may take so many bytes. */
  readonly maxPendingBytes: number
  /** A command was stored: send it. */
  readonly onStored: () => void
  /** Makes the second copy of what a change stored. */
  readonly copy: (change: Change) => Promise<void>
  readonly onTrouble: (error: unknown) => void
}

/** Provisional order of commands that are being stored: after everything that is. */
const BEING_STORED = 2 ** 52

export interface CheckedInput {
  readonly stored: Json
  readonly valid: unknown
}

/** Input as it is stored and sent, and as `decide` sees it: the server will read the same from the same JSON. */
export function checkInput(
  command: CommandDefinition,
  input: unknown,
):
  | { readonly ok: true; readonly input: CheckedInput }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] } {
  const stored = toStoredJson(input, { maxLength: WIRE_LIMITS.inputLength })
  if (!stored.ok) return { ok: false, issues: [{ path: stored.issue.path, message: stored.issue.code }] }
  const checked = validate(command.schema, stored.value)
  if (!checked.ok) return { ok: false, issues: checked.issues }
  return { ok: true, input: { stored: stored.value, valid: checked.value } }
}

/** Whether a command's policy can answer with a conflict, so that what the author saw must be kept for it. */
export function mayConflict(command: CommandDefinition): boolean {
  return command.policy === 'reject' || typeof command.policy === 'function'
}

/** The domain's own code failed: a bug to be seen, not an outcome to be handled. */
export class DomainCodeError extends Error {
  constructor(decided: Extract<Decided, { kind: 'failed' }>) {
    const issues = decided.issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ')
    super(`The domain could not decide: ${decided.message}${issues === '' ? '' : ` (${issues})`}`)
    this.name = 'DomainCodeError'
  }
}

export type Dispatch = (
  command: CommandDefinition,
  target: { readonly stream: StreamId; readonly input: unknown },
) => Promise<DispatchResult>

/** How a command stands after deciding it on what is known. */
type Plan =
  | { readonly kind: 'store'; readonly record: Omit<PendingRecord, 'seq'> }
  | Extract<DispatchResult, { kind: 'unchanged' | 'refused' }>

export function createDispatch(context: DispatchContext): Dispatch {
  const { domain, principal, replica } = context
  const { mirror } = replica
  /** Streams whose state is being read: later commands on them wait their turn. */
  const reading = new Map<StreamId, Promise<unknown>>()
  let provisional = BEING_STORED

  function plan(
    aggregate: AnyAggregate,
    command: CommandDefinition,
    given: { readonly id: Uuid; readonly stream: StreamId; readonly input: CheckedInput; readonly occurredAt: string },
    facts: StreamFacts,
  ): Plan {
    const isMinted = !facts.isPending && context.minted.has(given.stream)
    const known = facts.known ?? (isMinted ? initialState(aggregate) : undefined)
    const record = (prediction: Prediction, seen: PendingRecord['seen']): Plan => ({
      kind: 'store',
      record: {
        id: given.id,
        type: command.type,
        schema: command.version,
        stream: given.stream,
        input: given.input.stored,
        occurredAt: given.occurredAt,
        base:
          prediction.kind === 'queued' || known === undefined ? null : { version: known.version, after: facts.last },
        prediction,
        believed: prediction.kind === 'events' ? prediction.events : [],
        seen,
        answer: null,
        attention: null,
        attempts: 0,
      },
    })
    if (known === undefined || command.offline === 'queued') return record({ kind: 'queued' }, null)
    const current = facts.current ?? known
    const decided = decideCommand({
      aggregate,
      command,
      input: given.input.valid,
      current,
      principal,
      commandId: given.id,
      streamId: given.stream,
      occurredAt: given.occurredAt,
    })
    if (decided.kind === 'failed') throw new DomainCodeError(decided)
    if (decided.kind === 'refused') return { kind: 'refused', code: decided.code, params: decided.params }
    if (decided.events.length === 0) return { kind: 'unchanged' }
    return record(
      { kind: 'events', events: decided.events },
      mayConflict(command) ? { base: known, after: decided.after } : null,
    )
  }

  return (command, { stream, input }) => {
    const aggregate = domain.aggregateOf(stream)
    if (aggregate === undefined || aggregate.name !== command.aggregate) {
      return Promise.resolve(invalid('', `"${stream}" is not a stream of "${command.aggregate}"`))
    }
    if (command.retired) return Promise.resolve(invalid('', `"${command.type}" is retired`))
    const checked = checkInput(command, input)
    if (!checked.ok) return Promise.resolve({ kind: 'invalid', issues: checked.issues })
    if (!command.allow(principal)) return Promise.resolve({ kind: 'forbidden' })
    const now = context.now()
    const given = { id: context.newId(), stream, input: checked.input, occurredAt: new Date(now).toISOString() }

    /** Decides on memory and shows it; `null` where something has to be read first. */
    function show(): Exclude<Plan, { kind: 'store' }> | PendingRecord | null {
      const facts = factsInMemory()
      if (facts === undefined) return null
      const planned = plan(aggregate as AnyAggregate, command, given, facts)
      if (planned.kind !== 'store') return planned
      const record: PendingRecord = { ...planned.record, seq: provisional++ }
      mirror.begin(record)
      // Rows that nothing shows may be missing; they are folded when they are here.
      replica.ensureRows(rowsOf(domain, record.believed)).catch(context.onTrouble)
      return record
    }

    function factsInMemory(): StreamFacts | undefined {
      const facts = mirror.streamFacts(aggregate as AnyAggregate, stream)
      if (facts !== undefined || !context.minted.has(stream)) return facts
      // Nobody else can know a stream that was minted here: no row of it is stored.
      const unknown = rowsOfStream(domain, stream).filter((row) => !mirror.holds(row))
      mirror.learn(
        unknown.map(({ projection, key }) => ({ projection: projection.name, key, record: null, over: null })),
      )
      return mirror.streamFacts(aggregate as AnyAggregate, stream)
    }

    async function readThenShow(): Promise<Exclude<Plan, { kind: 'store' }> | PendingRecord> {
      for (;;) {
        await replica.ensureRows(rowsOfStream(domain, stream))
        const shown = show()
        if (shown !== null) return shown
      }
    }

    const waitsFor = reading.get(stream)
    let shown: ReturnType<typeof show> = null
    try {
      if (waitsFor === undefined) shown = show()
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (shown !== null) return store(shown)
    const read = (waitsFor ?? Promise.resolve()).catch(() => undefined).then(readThenShow)
    reading.set(stream, read)
    const release = (): void => {
      if (reading.get(stream) === read) reading.delete(stream)
    }
    return read.then(
      (result) => {
        release()
        return store(result)
      },
      (error: unknown) => {
        release()
        if (error instanceof DomainCodeError) throw error
        return storageFailure(error)
      },
    )

    async function store(result: Exclude<Plan, { kind: 'store' }> | PendingRecord): Promise<DispatchResult> {
      if ('kind' in result) return result
      const record = result
      let refused: Exclude<Plan, { kind: 'store' }> | undefined
      let change: Change
      try {
        change = await replica.write('strict', ['pending', 'rows', 'overlay'], async (write) => {
          const draft = await append(write, record)
          refused = draft.refused
          return draft.change
        })
      } catch (error) {
        mirror.abandon(record.id)
        if (error instanceof DomainCodeError) throw error
        return storageFailure(error)
      }
      if (refused !== undefined) {
        mirror.abandon(record.id)
        return refused
      }
      if (mirror.beingStored().includes(record.id)) {
        // Memory has missed something before this; once it has caught up, the truth about the command is known.
        replica
          .catchUp(change.versions)
          .then(() => {
            mirror.abandon(record.id)
            context.onStored()
          })
          .catch(context.onTrouble)
      }
      // From here on it is storage that knows the stream.
      context.minted.delete(stream)
      context.onStored()
      await context.copy(change)
      return { kind: 'stored', commandId: record.id, stream, queued: record.prediction.kind === 'queued' }
    }

    /** The transaction: decides again where another tab, or the server, has moved the stream meanwhile. */
    async function append(
      write: Write,
      shownRecord: PendingRecord,
    ): Promise<{ readonly change: ChangeDraft; readonly refused?: Exclude<Plan, { kind: 'store' }> }> {
      const nothing = { moved: { rows: 0, work: 0 } }
      const state: [string, string] = [stateRow(domain, aggregate as AnyAggregate).name, stream]
      const [known, confirmed, over, next] = await Promise.all([
        write.pending.get(shownRecord.id),
        write.rows.get(state),
        write.overlay.get(state),
        write.meta.get('next-seq'),
      ])
      if (known !== undefined) return { change: nothing }
      const facts = factsOf(aggregate as AnyAggregate, confirmed ?? null, over ?? null, [])
      let record: Omit<PendingRecord, 'seq'> = shownRecord
      const isAsShown =
        shownRecord.prediction.kind === 'queued' ||
        (shownRecord.base !== null &&
          shownRecord.base.after === facts.last &&
          (facts.confirmed === undefined || facts.confirmed === shownRecord.base.version))
      if (!isAsShown) {
        const planned = plan(aggregate as AnyAggregate, command, given, facts)
        if (planned.kind !== 'store') return { change: nothing, refused: planned }
        record = planned.record
      }
      // Thrown, it undoes the transaction.
      if (write.bytesMoved(bytesOf(record)) > context.maxPendingBytes) throw new QueueFullError()
      const seq = Number(next?.value ?? 1)
      const stored = withDerived(domain, { ...record, seq })
      await Promise.all([
        write.pending.add(stored),
        write.meta.put({ name: 'next-seq', value: seq + 1 } satisfies MetaRecord),
      ])
      return { change: { put: [stored], moved: { rows: 0, work: 1 } } }
    }
  }
}

function invalid(path: string, message: string): Extract<DispatchResult, { kind: 'invalid' }> {
  return { kind: 'invalid', issues: [{ path, message }] }
}
