import {
  WIRE_LIMITS,
  type LiveMessage,
  type Page,
  type PullReply,
  type PullRequest,
  type PushAnswer,
  type PushReply,
  type PushRequest,
  type Transport,
  type TransportFailure,
} from '@tidemark/core'
import type { Answered } from './answers.ts'
import { FencedError } from './fence.ts'
import { SILENCE } from './leader-watch.ts'
import type { PageResult } from './pages.ts'
import type { Platform } from './platform.ts'
import { narrowed, widened } from './push-width.ts'
import { NOTHING_SENDING, type Sending } from './queue.ts'
import { backoff, mayPush, nextSyncStep, type SyncEvent, type SyncState } from './sync-state.ts'
import type { PendingRecord } from './records.ts'
import type { PendingError } from './work.ts'

/** What the network loop needs from the device's storage. Its writes fail with `FencedError` once another tab leads. */
export interface SyncStorage {
  pullRequest(sending: Pick<Sending, 'accepted'>): Promise<PullRequest>
  liveRequest(): Promise<{
    readonly device: string
    readonly cursor: string | null
    readonly projections: Readonly<Record<string, number>>
  }>
  applyPage(page: Page): Promise<PageResult>
  /** Picks the next commands to send and notes that they are being sent, in one transaction. */
  takeBatch(sending: Sending): Promise<readonly PendingRecord[]>
  /** A batch that `takeBatch` has just picked. */
  toPush(batch: readonly PendingRecord[]): PushRequest
  applyAnswers(answers: readonly Answered[]): Promise<void>
  /** Whether commands that the server had answered by then (milliseconds since 1970) still wait for the page that shows them. */
  awaitsOutcome(by: number): boolean
}

export interface SyncProcessOptions {
  readonly transport: Transport
  readonly storage: SyncStorage
  readonly platform: Pick<Platform, 'now' | 'jitter' | 'setTimer'>
  readonly protocol: number
  /** State, evidence of contact or what is being sent has changed. */
  readonly onChange: () => void
  readonly onTrouble: (error: unknown) => void
  /** Storage has refused a write: another tab leads. Answered by `follow`. */
  readonly onFenced: (error: FencedError) => void
}

export interface SyncProcess {
  readonly state: SyncState
  readonly sending: Sending
  /** Milliseconds since 1970. */
  readonly lastContact: number | null
  /** Rows of the pull under way that are here, and that are still to come. */
  readonly progress: { readonly done: number; readonly remaining: number } | null
  lead(): void
  /** Another tab leads: ends all that is under way. Nothing more is sent or stored. */
  follow(): void
  /** There may be something to send. */
  work(): void
  /** Try now. */
  wake(): void
  close(): Promise<void>
}

/** How long an accepted command may wait for the page that shows it before the client asks for it. */
const OUTCOME_PATIENCE = 5_000

/** Another tab may move the cursor between a request and its page; more often than this in a row it is not that. */
const STALE_PAGES = 3

/** So many commands that fail alone, with none between them that does not, are a server that fails. */
const BROKEN_IN_A_ROW = 3

/** Runs the network for all tabs of this device: the effects of `sync-state`, and pushes beside them. */
export function createSyncProcess(options: SyncProcessOptions): SyncProcess {
  const { transport, storage, platform, onChange, onTrouble, onFenced } = options
  let state: SyncState = { kind: 'idle' }
  let sending: Sending = NOTHING_SENDING
  let lastContact: number | null = null
  let progress: SyncProcess['progress'] = null
  let current = new AbortController()
  /** Until this tab is deposed or closed. */
  let leading = new AbortController()
  const running = new Set<Promise<void>>()
  const timers = { retry: noTimer, hold: noTimer, outcome: noTimer }
  let pushing = false
  let workWaits = false
  let brokenInARow = 0

  function send(event: SyncEvent): void {
    const step = nextSyncStep(state, event)
    const before = state
    state = step.state
    const { effect } = step
    if (effect.kind !== 'none') {
      current.abort()
      current = new AbortController()
      timers.retry()
      timers.retry = noTimer
    }
    switch (effect.kind) {
      case 'none':
        break
      case 'pull':
        run(pull(current.signal))
        break
      case 'live':
        run(live(current.signal))
        break
      case 'wait':
        timers.retry = platform.setTimer(
          () => send({ kind: 'timer' }),
          backoff(effect.failures, effect.atLeast, platform.jitter()),
        )
        break
      case 'rest':
      case 'halt':
        rest()
        break
    }
    if (before !== state) {
      onChange()
      if (mayPush(state)) push()
    }
  }

  function rest(): void {
    leading.abort()
    leading = new AbortController()
    pushing = false
    workWaits = false
    sending = NOTHING_SENDING
    progress = null
    for (const name of ['hold', 'outcome'] as const) {
      timers[name]()
      timers[name] = noTimer
    }
  }

  function fail(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    if (error instanceof FencedError) return onFenced(error)
    // Storage, or a bug: either way the loop goes on, slowly, and says so.
    onTrouble(error)
    send({ kind: 'storage-failed' })
  }

  function run(task: Promise<void>): void {
    const { signal } = leading
    const tracked = task.catch((error: unknown) => fail(error, signal))
    running.add(tracked)
    void tracked.finally(() => running.delete(tracked))
  }

  function contact(): void {
    lastContact = platform.now()
  }

  async function pull(signal: AbortSignal): Promise<void> {
    let done = 0
    let stale = 0
    for (;;) {
      const reply = await transport.pull(await storage.pullRequest(sending), signal)
      if (signal.aborted) return
      if (isFailure(reply)) return send({ kind: 'failed', failure: reply })
      contact()
      if (reply.kind === 'upgrade') return send({ kind: 'upgrade' })
      if (reply.kind === 'retry') return send({ kind: 'busy', after: reply.after })
      done += reply.rows.length
      const result = await storePage(reply)
      if (signal.aborted) return
      if (result.kind === 'staged') {
        progress = { done, remaining: reply.remaining }
        onChange()
      }
      if (result.kind === 'applied') {
        progress = null
        return send({ kind: 'pulled' })
      }
      if (result.kind === 'stale' && ++stale > STALE_PAGES) {
        const message = 'The server keeps answering with pages that do not continue what was asked for.'
        return send({ kind: 'failed', failure: { kind: 'unreadable', message } })
      }
    }
  }

  async function storePage(page: Page): Promise<PageResult> {
    const result = await storage.applyPage(page)
    if (result.kind !== 'applied' || sending.accepted.size === 0) return result
    // What a server took that was put back since, it may have lost.
    const accepted = new Set(result.restored ? [] : sending.accepted)
    for (const { command } of page.outcomes) accepted.delete(command)
    sending = { ...sending, accepted }
    return result
  }

  async function live(signal: AbortSignal): Promise<void> {
    const { cursor, device, projections } = await storage.liveRequest()
    if (signal.aborted) return
    if (cursor === null) return send({ kind: 'pull-due' })
    const request = { protocol: options.protocol, device, cursor, projections: { ...projections } }
    const end = await transport.live(request, (message) => onMessage(message, signal), signal)
    if (signal.aborted) return
    send(end.kind === 'ended' ? { kind: 'ended' } : { kind: 'failed', failure: end })
  }

  async function onMessage(message: LiveMessage, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    contact()
    switch (message.kind) {
      case 'page': {
        if (!message.complete) return send({ kind: 'pull-due' })
        let result: PageResult
        try {
          result = await storePage(message)
        } catch (error) {
          return fail(error, signal)
        }
        if (signal.aborted) return
        send(result.kind === 'applied' ? { kind: 'message' } : { kind: 'pull-due' })
        onChange()
        return
      }
      case 'beat':
        send({ kind: 'message' })
        onChange()
        return
      case 'pull':
        return send({ kind: 'pull-due' })
      case 'reconnect':
        return send({ kind: 'come-back', after: message.after })
      case 'upgrade':
        return send({ kind: 'upgrade' })
    }
  }

  function push(): void {
    workWaits = true
    if (pushing || !mayPush(state)) return
    pushing = true
    const { signal } = leading
    run(
      pushAll(signal).finally(() => {
        if (signal.aborted) return
        pushing = false
        // Storage may have failed in between: what was on its way is not any more.
        sending = { ...sending, inFlight: new Set() }
        if (workWaits && mayPush(state)) push()
      }),
    )
  }

  async function pushAll(signal: AbortSignal): Promise<void> {
    await pushBatches(signal)
    if (!signal.aborted) await storeAccepted(signal)
  }

  async function pushBatches(signal: AbortSignal): Promise<void> {
    while (workWaits && mayPush(state)) {
      workWaits = false
      const batch = await takeBatch()
      if (signal.aborted) return
      if (batch.length === 0) {
        scheduleHolds()
        return
      }
      workWaits = true
      sending = { ...sending, inFlight: new Set(batch.map((each) => each.id)) }
      onChange()
      const reply = await transport.push(storage.toPush(batch), signal)
      if (signal.aborted) return
      if (isFailure(reply)) {
        noteFailure(batch, reply)
        if (narrow(batch, reply)) continue
        workWaits = false
        send({ kind: 'failed', failure: reply })
        return
      }
      contact()
      if (reply.kind === 'upgrade') {
        workWaits = false
        sending = { ...sending, inFlight: new Set() }
        send({ kind: 'upgrade' })
        return
      }
      const isPlain = reply.answers.every(({ answer }) => answer.kind === 'accepted')
      // What a person may have to decide about is stored with all that the server said beside it.
      if (!isPlain) await storage.applyAnswers(reply.answers)
      if (signal.aborted) return
      sending = { ...sending, width: widened(sending.width, batch) }
      brokenInARow = 0
      noteAnswers(batch, reply)
      if (isPlain) {
        const accepted = new Set([...sending.accepted, ...reply.answers.map((each) => each.id)])
        sending = { ...sending, accepted }
      }
      watchOutcomes()
      onChange()
    }
  }

  /** Lost with the tab they are asked for again, and the server says the same: they need not be stored one by one. */
  async function storeAccepted(signal: AbortSignal): Promise<void> {
    while (sending.accepted.size > 0) {
      const some = [...sending.accepted].slice(0, WIRE_LIMITS.commandsPerPush)
      await storage.applyAnswers(some.map((id) => ({ id, answer: { kind: 'accepted' } })))
      if (signal.aborted) return
      const left = new Set(sending.accepted)
      for (const id of some) left.delete(id)
      sending = { ...sending, accepted: left }
    }
    onChange()
  }

  /** Between the mark that a command is sent and sending it this tab may have been frozen, and another one leads. */
  async function takeBatch(): Promise<readonly PendingRecord[]> {
    const before = platform.now()
    const batch = await storage.takeBatch(sending)
    // Marks them again, in a transaction that finds out. Once: where storage is that slow, they still have to go.
    return platform.now() - before < SILENCE / 2 ? batch : await storage.takeBatch(sending)
  }

  /**
   * A push that fails although the server is within reach may fail for what is in it: the next one is narrower, and a
   * command that fails alone waits, with its stream, while the others go on. `true`: go on.
   */
  function narrow(batch: readonly PendingRecord[], failure: TransportFailure): boolean {
    const [first] = batch
    if (first === undefined || !isPerhapsAbout(failure)) return false
    const isSuspect = sending.width.suspects.has(first.id)
    sending = { ...sending, width: narrowed(sending.width, batch) }
    // A connection that broke is first of all a connection that broke.
    if (failure.kind === 'unreachable' && !isSuspect) return false
    if (batch.length > 1) return true
    // All of them alone, one after the other: that is no command's fault.
    if (++brokenInARow > BROKEN_IN_A_ROW) return false
    const until = platform.now() + backoff(first.attempts, 0, 1)
    sending = { ...sending, holds: new Map([...sending.holds, [first.stream, { until, reason: 'unavailable' }]]) }
    onChange()
    return true
  }

  /** Whether what was pushed may be why: the server was there, and did not ask to come back later. */
  function isPerhapsAbout(failure: TransportFailure): boolean {
    switch (failure.kind) {
      case 'unauthenticated':
        return false
      case 'unavailable':
        return failure.after === 0
      case 'unreadable':
        return true
      case 'unreachable':
        return state.kind === 'live' || state.kind === 'connecting'
    }
  }

  function noteFailure(batch: readonly PendingRecord[], failure: TransportFailure): void {
    const error: PendingError = failure.kind === 'unavailable' ? { kind: 'retry', reason: 'unavailable' } : failure
    const lastErrors = new Map(sending.lastErrors)
    for (const { id } of batch) lastErrors.set(id, error)
    sending = { ...sending, inFlight: new Set(), lastErrors }
    onChange()
  }

  function noteAnswers(batch: readonly PendingRecord[], reply: Extract<PushReply, { kind: 'answers' }>): void {
    const now = platform.now()
    const answers = new Map(reply.answers.map((each) => [each.id, each.answer]))
    const holds = new Map([...sending.holds].filter(([, hold]) => hold.until > now))
    const lastErrors = new Map(sending.lastErrors)
    // What waits behind a final no waits for a person, not for the clock.
    const stopped = new Set(batch.filter(({ id }) => isFinalNo(answers.get(id))).map(({ stream }) => stream))
    for (const { id, stream } of batch) {
      const answer = answers.get(id)
      lastErrors.delete(id)
      if (answer !== undefined && answer.kind !== 'retry') continue
      // A command the reply forgot is asked about again, not at once.
      const { after, reason } = answer ?? { after: 1_000, reason: 'unavailable' as const }
      lastErrors.set(id, { kind: 'retry', reason })
      if (!holds.has(stream) && !stopped.has(stream)) holds.set(stream, { until: now + Math.max(after, 50), reason })
    }
    sending = { ...sending, inFlight: new Set(), holds, lastErrors }
  }

  function scheduleHolds(): void {
    timers.hold()
    timers.hold = noTimer
    const next = Math.min(...[...sending.holds.values()].map((hold) => hold.until))
    if (next === Infinity) return
    timers.hold = platform.setTimer(
      () => {
        const now = platform.now()
        sending = { ...sending, holds: new Map([...sending.holds].filter(([, hold]) => hold.until > now)) }
        push()
      },
      Math.max(0, next - platform.now()),
    )
  }

  function watchOutcomes(): void {
    const { accepted } = sending
    if (timers.outcome !== noTimer || (accepted.size === 0 && !storage.awaitsOutcome(platform.now()))) return
    timers.outcome = platform.setTimer(() => {
      timers.outcome = noTimer
      // While much is sent there is always something that waits; only what has waited all the time is late.
      const isLate =
        [...accepted].some((id) => sending.accepted.has(id)) || storage.awaitsOutcome(platform.now() - OUTCOME_PATIENCE)
      if (state.kind === 'live' && isLate) send({ kind: 'pull-due' })
      watchOutcomes()
    }, OUTCOME_PATIENCE)
  }

  return {
    get state() {
      return state
    },
    get sending() {
      return sending
    },
    get lastContact() {
      return lastContact
    },
    get progress() {
      return progress
    },
    lead: () => send({ kind: 'lead' }),
    follow: () => send({ kind: 'follow' }),
    work: push,
    wake: () => {
      sending = { ...sending, holds: new Map() }
      send({ kind: 'wake' })
      push()
    },
    close: async () => {
      send({ kind: 'close' })
      await Promise.all(running)
    },
  }
}

function noTimer(): void {
  // Nothing is running.
}

function isFinalNo(answer: PushAnswer | undefined): boolean {
  switch (answer?.kind) {
    case 'conflict':
    case 'refused':
    case 'invalid':
    case 'forbidden':
      return true
    case 'accepted':
    case 'retry':
    case undefined:
      return false
  }
}

function isFailure(reply: PullReply | PushReply | TransportFailure): reply is TransportFailure {
  switch (reply.kind) {
    case 'unreachable':
    case 'unauthenticated':
    case 'unreadable':
    case 'unavailable':
      return true
    case 'page':
    case 'upgrade':
    case 'retry':
    case 'answers':
      return false
  }
}
