/**
 * Write coalescing for hot aggregates: the commands that reach one stream within a declared window become one append.
 * A meter that gets 5,000 readings a second then costs 50 events a second, at a window of 20 ms.
 *
 * What is promised to each command is what an append promises: answered `appended` only once its effect is stored; a
 * resend, through whichever process, gets its first result; one that is at fault harms no neighbour. A crash loses only
 * what was not answered, and that may be sent again. The price is the window, added to every answer, and that the
 * log tells the sum and not each command; who sent what stands in `outcomes`.
 *
 * It is for commutative effects only: `merge` gets no state, and the append has no expected version. Counters that nobody
 * decides on need not be events at all: a SQL projection increments them (`@tidemark/projections`).
 */
import type {
  AppendAnswer,
  CommandIdentity,
  EventStore,
  JsonIssue,
  MergedAppendAnswer,
  MergedAppendRequest,
  NewEvent,
} from '@tidemark/core'

/** A command whose effect may be merged with that of others. */
export interface CoalescedCommand<Input> {
  readonly tenant: string
  readonly stream: string
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
  /** The merged event carries the latest of its commands'. */
  readonly occurredAt: string
  readonly input: Input
}

export interface CoalescerOptions<Input> {
  readonly store: Pick<EventStore, 'appendMerged'>
  readonly window: {
    /** How long the first command of a window waits for others, in milliseconds. */
    readonly ms: number
    /** A window with so many commands is closed at once. At most 1,000. */
    readonly maxCount: number
  }
  /**
   * Events with the effect of these commands, usually one. Called again, with fewer commands, where some turn out to have
   * had their effect before or to be at fault. Pure but for the ids of the events.
   */
  readonly merge: (commands: readonly CoalescedCommand<Input>[]) => readonly NewEvent[]
  /** Principal of the merged events. The commands keep their own. Default `coalescer`. */
  readonly principal?: string
  /** Commands that wait or are being stored, over all streams; more are `overloaded`. Default 10,000. */
  readonly maxWaiting?: number
}

export type CoalescedAnswer = Exclude<AppendAnswer, { kind: 'conflict' }>

export interface Coalescer<Input> {
  /** Rejects only where `merge` throws on this very command. */
  submit(command: CoalescedCommand<Input>): Promise<CoalescedAnswer>
  /** Closes all windows now; resolves when everything submitted before has its answer. */
  flush(): Promise<void>
  /** The same, and everything submitted from now on is `unavailable`. */
  close(): Promise<void>
}

interface Member<Input> {
  readonly command: CoalescedCommand<Input>
  readonly resolve: (answer: CoalescedAnswer) => void
  readonly reject: (error: unknown) => void
  /** The same command with the same body, submitted again in the same window. */
  readonly again: Member<Input>[]
}

interface Window<Input> {
  /** By principal and command id. */
  readonly members: Map<string, Member<Input>>
  readonly timer: ReturnType<typeof setTimeout>
}

interface HotStream<Input> {
  open: Window<Input> | undefined
  /** Windows are stored one after the other; resolves when all shut ones are. */
  storing: Promise<void>
}

const MOST_PER_WINDOW = 1_000

/** @throws RangeError on a window that cannot be. */
export function createCoalescer<Input>(options: CoalescerOptions<Input>): Coalescer<Input> {
  const { store, window, merge, principal = 'coalescer', maxWaiting = 10_000 } = options
  if (!(window.ms >= 0 && window.ms <= 60_000)) throw new RangeError(`A window lasts 0 to 60,000 ms, not ${window.ms}.`)
  if (!Number.isSafeInteger(window.maxCount) || window.maxCount < 1 || window.maxCount > MOST_PER_WINDOW) {
    throw new RangeError(`A window holds 1 to ${MOST_PER_WINDOW} commands, not ${window.maxCount}.`)
  }
  const streams = new Map<string, HotStream<Input>>()
  let waiting = 0
  let closed = false

  const submit = (command: CoalescedCommand<Input>): Promise<CoalescedAnswer> => {
    if (closed) return Promise.resolve({ kind: 'unavailable', retryAfterMs: 1_000, cause: 'The coalescer is closed.' })
    if (waiting >= maxWaiting)
      return Promise.resolve({ kind: 'overloaded', retryAfterMs: Math.max(50, Math.ceil(window.ms)) })
    waiting++
    return new Promise<CoalescedAnswer>((resolve, reject) => {
      const member: Member<Input> = { command, resolve, reject, again: [] }
      const key = `${command.tenant}\n${command.stream}`
      let stream = streams.get(key)
      if (stream === undefined) {
        stream = { open: undefined, storing: Promise.resolve() }
        streams.set(key, stream)
      }
      const memberKey = `${command.principal}\n${command.command.id}`
      const same = stream.open?.members.get(memberKey)
      if (same?.command.command.hash === command.command.hash) {
        same.again.push(member)
        return
      }
      // The id with another body: the store judges it in a window of its own, after the first.
      if (same !== undefined) shut(key, stream)
      const open = (stream.open ??= openWindow(key, stream))
      open.members.set(memberKey, member)
      if (open.members.size >= window.maxCount) shut(key, stream)
    }).finally(() => waiting--)
  }

  const openWindow = (key: string, stream: HotStream<Input>): Window<Input> => ({
    members: new Map(),
    timer: setTimeout(() => shut(key, stream), window.ms),
  })

  /** Ends the open window and stores it after those before it. */
  const shut = (key: string, stream: HotStream<Input>): void => {
    const shutting = stream.open
    if (shutting === undefined) return
    stream.open = undefined
    clearTimeout(shutting.timer)
    const storing = stream.storing.then(() => storeAll([...shutting.members.values()]))
    stream.storing = storing
    void storing.then(() => {
      if (stream.storing === storing && stream.open === undefined) streams.delete(key)
    })
  }

  /** Answers every member, and never rejects. */
  const storeAll = async (members: readonly Member<Input>[]): Promise<void> => {
    let left = members
    while (left.length > 0) {
      let events: readonly NewEvent[]
      try {
        events = merge(left.map((member) => member.command))
      } catch (error) {
        // One of them is at fault; alone, each gets its own answer.
        if (left.length > 1) return storeHalves(left)
        for (const member of left) rejectAll(member, error)
        return
      }
      let answer: MergedAppendAnswer
      try {
        answer = await store.appendMerged(toRequest(left, events))
      } catch (error) {
        for (const member of left) rejectAll(member, error)
        return
      }
      switch (answer.kind) {
        case 'appended':
        case 'stream-closed':
        case 'overloaded':
        case 'unavailable':
          for (const member of left) finish(member, answer)
          return
        case 'known-members': {
          const known = new Map(answer.known.map((one) => [one.index, one.answer]))
          for (const [index, first] of known) {
            const member = left[index]
            if (member !== undefined) finish(member, first)
          }
          left = left.filter((_, index) => !known.has(index))
          break
        }
        case 'invalid':
          // One of them is at fault, or all of them are too much for one append.
          if (left.length > 1) return storeHalves(left)
          for (const member of left) finish(member, { kind: 'invalid', issues: answer.issues.map(toOwnIssue) })
          return
        case 'conflict':
          for (const member of left) rejectAll(member, new Error('A version-free append was answered with a conflict.'))
          return
      }
    }
  }

  const storeHalves = async (members: readonly Member<Input>[]): Promise<void> => {
    const middle = Math.ceil(members.length / 2)
    await storeAll(members.slice(0, middle))
    await storeAll(members.slice(middle))
  }

  const toRequest = (members: readonly Member<Input>[], events: readonly NewEvent[]): MergedAppendRequest => {
    const commands = members.map((member) => member.command)
    const first = commands[0] as CoalescedCommand<Input>
    const occurredAt = commands.reduce(
      (latest, next) => (next.occurredAt > latest ? next.occurredAt : latest),
      first.occurredAt,
    )
    return {
      tenant: first.tenant,
      stream: first.stream,
      expected: 'any',
      principal,
      device: null,
      occurredAt,
      events,
      members: commands.map(({ principal: own, device, command }) => ({ principal: own, device, command })),
    }
  }

  const flush = async (): Promise<void> => {
    for (const [key, stream] of streams) shut(key, stream)
    await Promise.all([...streams.values()].map((stream) => stream.storing))
  }

  return {
    submit,
    flush,
    close() {
      closed = true
      return flush()
    },
  }
}

/** Answers a member, and those that asked the same in its window as if they had asked after it. */
function finish<Input>({ command, resolve, again }: Member<Input>, answer: CoalescedAnswer): void {
  resolve(answer)
  for (const later of again) later.resolve(answer.kind === 'appended' ? toDuplicate(command, answer) : answer)
}

function toDuplicate<Input>(
  { stream, command }: CoalescedCommand<Input>,
  { version, lane, position }: Extract<AppendAnswer, { kind: 'appended' }>,
): CoalescedAnswer {
  return { kind: 'duplicate', result: { kind: 'accepted', stream, version, lane, position, hash: command.hash } }
}

function rejectAll<Input>(member: Member<Input>, error: unknown): void {
  member.reject(error)
  for (const again of member.again) again.reject(error)
}

/** The only member's faults, seen from its own request. */
function toOwnIssue({ path, code }: JsonIssue): JsonIssue {
  return { path: path.replace(/^\/members\/0(?=\/)/, ''), code }
}
