/**
 * What copying a stream would append: source events in, appends out. Pure, and the same for the same events, however they
 * are paged; so a run that was cut off plans the same appends under the same command ids, and the store answers
 * those it has.
 */
import {
  deriveId,
  encodeAppend,
  hash128,
  readEvent,
  toStoredJson,
  type AppendRequest,
  type Domain,
  type Json,
  type JsonIssue,
  type JsonObject,
  type NewEvent,
  type ReadFailure,
  type StoredEvent,
  type StreamId,
} from '@tidemark/core'

export interface TransformedEvent {
  readonly type: string
  readonly schema: number
  readonly data: Json
  /** Default: the source event's. The link to the source is added under `transformed`. */
  readonly metadata?: JsonObject
}

/** Made anew for every stream and every attempt, so it may keep state. Deterministic: no clock, randomness or I/O. */
export interface StreamTransformer {
  readonly target: StreamId
  /** The events that take this one's place, in order; none drops it. They keep its principal and its time. */
  readonly event: (source: StoredEvent) => readonly TransformedEvent[]
  /** What comes after the last event. */
  readonly end?: () => readonly TransformedEvent[]
}

/** Why a stream was not copied. Nothing was written, except where it says so. */
export type TransformFailure =
  /** The source domain cannot read the event at `version`. */
  | { readonly kind: 'unreadable'; readonly version: number; readonly failure: ReadFailure }
  /** The transformer threw. */
  | { readonly kind: 'transformer-failed'; readonly version: number; readonly message: string }
  /** The target domain could not read what the transformer made of the event at `version`. */
  | { readonly kind: 'unwritable'; readonly version: number; readonly failure: ReadFailure }
  /** The store would refuse it. */
  | { readonly kind: 'invalid'; readonly version: number; readonly issues: readonly JsonIssue[] }
  /** Events of the source are missing, where they were to be read. */
  | { readonly kind: 'incomplete-source'; readonly version: number }
  /** The target is the source. */
  | { readonly kind: 'target-is-source' }
  /** The target has events that are not this run's. */
  | { readonly kind: 'target-exists'; readonly target: StreamId }
  /** An earlier attempt of this run stored something else: the transformer is not deterministic, or was changed. What that
   * attempt wrote stays. Start a run with another name, onto other targets. */
  | { readonly kind: 'changed-transform'; readonly target: StreamId }
  /** The store refused an append for another reason, named here. */
  | { readonly kind: 'refused'; readonly answer: string }

export interface TransformPlanOptions {
  readonly tenant: string
  readonly run: string
  readonly source: StreamId
  readonly transformer: StreamTransformer
  /** Upcasts and validates what the transformer is given. */
  readonly sourceDomain: Domain | undefined
  /** Validates what it returns. */
  readonly targetDomain: Domain | undefined
}

/** Most events and bytes of one append; far below what the store takes. */
const MAX_EVENTS = 200
const MAX_LENGTH = 1_048_576

export class TransformPlan {
  readonly #options: TransformPlanOptions
  #version = 0
  #last: StoredEvent | undefined
  /** Events of the append that is being filled, all made from events of one principal and time. */
  #open:
    | { readonly first: StoredEvent; readonly events: NewEvent[]; readonly texts: string[]; length: number }
    | undefined
  #appends: AppendRequest[] = []
  /** Version of the target after all that was planned. */
  #targetVersion = 0
  #count = 0

  constructor(options: TransformPlanOptions) {
    this.#options = options
  }

  /** Events that were planned, those not taken yet included. */
  get targetVersion(): number {
    return this.#targetVersion + (this.#open?.events.length ?? 0)
  }

  /** The next event of the source. */
  add(stored: StoredEvent): TransformFailure | undefined {
    if (stored.version !== this.#version + 1) return { kind: 'incomplete-source', version: this.#version + 1 }
    this.#version = stored.version
    this.#last = stored
    let source = stored
    const { sourceDomain, transformer } = this.#options
    if (sourceDomain !== undefined) {
      const read = readEvent(sourceDomain, stored)
      if (read.kind !== 'event') return { kind: 'unreadable', version: stored.version, failure: read }
      const schema = sourceDomain.eventsByType.get(stored.type)?.version ?? stored.schema
      source = { ...stored, schema, data: read.event.data as Json }
    }
    return this.#put(stored, 'event', () => transformer.event(source))
  }

  /** After the last event of the source. */
  end(): TransformFailure | undefined {
    const { transformer } = this.#options
    const last = this.#last
    const failure = last === undefined ? undefined : this.#put(last, 'end', () => transformer.end?.() ?? [])
    return failure ?? this.#close()
  }

  /** The appends that are complete, in order; each follows those taken before. */
  take(): readonly AppendRequest[] {
    const taken = this.#appends
    this.#appends = []
    return taken
  }

  #put(source: StoredEvent, label: string, transform: () => readonly TransformedEvent[]): TransformFailure | undefined {
    const { version } = source
    let made: readonly TransformedEvent[]
    try {
      made = transform()
    } catch (error) {
      return { kind: 'transformer-failed', version, message: error instanceof Error ? error.message : String(error) }
    }
    for (const [index, one] of made.entries()) {
      const failure = this.#putOne(source, `${label} ${index}`, one)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  #putOne(source: StoredEvent, label: string, made: TransformedEvent): TransformFailure | undefined {
    const { run, source: stream, targetDomain, transformer } = this.#options
    const { version } = source
    const event: NewEvent = {
      id: deriveId(source.id, run, stream, label),
      type: made.type,
      schema: made.schema,
      data: made.data,
      metadata: {
        ...(made.metadata ?? source.metadata),
        transformed: { run, stream, version, id: source.id, recordedAt: source.recordedAt },
      },
    }
    if (targetDomain !== undefined) {
      const read = readEvent(targetDomain, { ...source, ...event, stream: transformer.target })
      if (read.kind !== 'event') return { kind: 'unwritable', version, failure: read }
    }
    const text = toStoredJson([event.type, event.schema, event.data, event.metadata], { maxLength: 2 * MAX_LENGTH })
    if (!text.ok) return { kind: 'invalid', version, issues: [text.issue] }
    const open = this.#open
    const fits =
      open !== undefined &&
      open.first.principal === source.principal &&
      open.first.occurredAt === source.occurredAt &&
      open.events.length < MAX_EVENTS &&
      open.length + text.text.length <= MAX_LENGTH
    if (!fits) {
      const failure = this.#close()
      if (failure !== undefined) return failure
    }
    this.#open ??= { first: source, events: [], texts: [], length: 0 }
    this.#open.events.push(event)
    this.#open.texts.push(text.text)
    this.#open.length += text.text.length
    return undefined
  }

  #close(): TransformFailure | undefined {
    const open = this.#open
    if (open === undefined) return undefined
    this.#open = undefined
    const { tenant, run, source, transformer } = this.#options
    const { first, events } = open
    const request: AppendRequest = {
      tenant,
      stream: transformer.target,
      expected: this.#targetVersion,
      principal: first.principal,
      // No device waits for this command.
      device: null,
      command: {
        id: deriveId(first.id, run, source, `append ${this.#count}`),
        hash: hash128(transformer.target, String(this.#targetVersion), ...open.texts),
      },
      occurredAt: first.occurredAt,
      events,
    }
    const encoding = encodeAppend(request)
    if (!encoding.ok) return { kind: 'invalid', version: first.version, issues: encoding.issues }
    this.#count++
    this.#targetVersion += events.length
    this.#appends.push(request)
    return undefined
  }
}
