import type { Change } from './change.ts'
import type { Tables, Versions } from './database.ts'
import { createPushPlan, NOTHING_PASSED, type PassedQueue } from './push-plan.ts'
import type { Sending } from './queue.ts'
import type { PendingRecord } from './records.ts'
import type { Replica } from './replica.ts'

/** Commands read at a time. A little more than a push takes. */
const CHUNK = 250
/** So often the whole queue is looked at, whatever is known of it: what was overlooked must not stand still. Milliseconds. */
const LOOK_AGAIN = 60_000

/**
 * Where the leading tab looks for what is sent next. It remembers the stretch at the front of the queue that has
 * nothing to send, so that thousands of commands behind one that waits for a person are not read for every push.
 */
export interface QueueFront {
  /** Nothing has changed since there was nothing to send. */
  isIdle(sending: Sending): boolean
  look(
    sending: Sending,
    now: number,
    limits: { readonly commands: number; readonly bytes: number },
  ): {
    /** What is sent next, read in the caller's transaction. */
    read(tables: Pick<Tables, 'pending'>): Promise<readonly PendingRecord[]>
    /** That transaction is stored. */
    keep(versions: Versions): void
  }
  /** Forgets what it knows if that is old. */
  lookAgain(now: number): void
}

/** What the front has to know of what is in memory. */
type FollowedReplica = Pick<Replica, 'onFollow'> & { readonly mirror: Pick<Replica['mirror'], 'versions'> }

export function createQueueFront(replica: FollowedReplica): QueueFront {
  let passed: PassedQueue = NOTHING_PASSED
  let since = -Infinity
  /** Counts what made it forget: a look that was under way then knows nothing. */
  let forgotten = 0
  let idleAt: number | undefined
  let hadAccepted = false

  function forget(): void {
    passed = NOTHING_PASSED
    idleAt = undefined
    forgotten += 1
  }

  replica.onFollow((change) => {
    if (change === null || mayRelease(change, passed)) forget()
  })

  return {
    isIdle: ({ inFlight, accepted }) =>
      inFlight.size === 0 && hadAccepted === accepted.size > 0 && idleAt === replica.mirror.versions.work,
    look: (sending, now, limits) => {
      // What the server took and nobody has stored is known no more once this tab has stopped leading.
      if (hadAccepted && sending.accepted.size === 0) forget()
      hadAccepted = sending.accepted.size > 0
      const before = forgotten
      let plan = createPushPlan(passed, sending, now, limits)
      return {
        read: async ({ pending }) => {
          plan = createPushPlan(passed, sending, now, limits)
          let after = passed.until
          for (;;) {
            const chunk = await pending.where('seq').above(after).limit(CHUNK).toArray()
            const isFull = !chunk.every((command) => plan.offer(command))
            const last = chunk.at(-1)
            if (isFull || last === undefined || chunk.length < CHUNK) return plan.batch
            after = last.seq
          }
        },
        keep: ({ work }) => {
          if (before !== forgotten) return
          passed = plan.passed
          if (since === -Infinity) since = now
          idleAt = plan.batch.length === 0 && !plan.isHeld ? work : undefined
        },
      }
    },
    lookAgain: (now) => {
      if (now - since < LOOK_AGAIN) return
      since = now
      forget()
    },
  }
}

/** Whether a change may have made something in the passed stretch fit to be sent, or stand still that did not. */
function mayRelease(change: Change, { until, stopped }: PassedQueue): boolean {
  if (change.attentionDropped.length > 0) return true
  const stoppers = new Set([...stopped.values()].map(({ id }) => id))
  if (change.dropped.some((id) => stoppers.has(id))) return true
  return change.put.some(({ id, seq, stream, attention, answer }) => {
    const stopper = stopped.get(stream)
    if (seq > until || (stopper !== undefined && seq > stopper.seq)) return false
    const isStopping = attention !== null || answer === 'refused'
    return stopper?.id === id ? !isStopping : isStopping || answer === null
  })
}
