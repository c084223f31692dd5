/**
 * Sharded aggregates: one hot thing kept as several streams, so that its commands do not queue behind one version.
 * `inventory/sku` becomes `inventory/sku~shard-0` … `~shard-7`; each is an ordinary stream of the same aggregate.
 *
 * A command goes to the shard that its id picks, so a resend meets its first delivery, and device and server agree.
 * Reading sums: a projection keyed by {@link wholeOf} folds all shards into one row. What must not be exceeded (stock, seats)
 * is split over the shards beforehand ({@link splitEscrow}): each guards its own part, so no check ever spans two streams.
 */
import { hash128 } from './hash.ts'
import { parseStreamId, type StreamId, type Uuid } from './id.ts'

const SHARD = /~shard-\d{1,3}$/
const MAX_SHARDS = 256

export interface Sharding {
  readonly count: number
  /** Every shard of the whole, in order of number: what a loader reads. */
  readonly streamsOf: (whole: StreamId) => readonly StreamId[]
  /** The shard a command belongs to. */
  readonly shardOf: (whole: StreamId, command: Uuid) => StreamId
  /**
   * All shards in the order in which a command may ask them: its own first. Orders differ from command to command, so
   * an exhausted shard's callers spread over the others.
   */
  readonly probe: (whole: StreamId, command: Uuid) => readonly StreamId[]
}

/**
 * Shards named by number. The count may be raised later: shards keep their names, and a command that was stored before is
 * still found by its id. Lowering it hides streams from `streamsOf`.
 *
 * @param count From 1 to 256. More than the concurrent writers of one thing is waste: every read asks all shards.
 * @throws RangeError on another count, TypeError (from the functions) on a stream that cannot be sharded.
 */
export function sharding(count: number): Sharding {
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_SHARDS) {
    throw new RangeError(`A thing can be kept in 1 to ${MAX_SHARDS} shards, not in ${count}.`)
  }
  const numbers = Array.from({ length: count }, (_, number) => number)
  const order = (command: Uuid): readonly number[] => {
    const seed = parseInt(hash128('shard', command).slice(0, 8), 16)
    const weights = numbers.map((number) => weigh(seed, number))
    return numbers.toSorted((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
  }
  return {
    count,
    streamsOf: (whole) => numbers.map((number) => shardStream(whole, number)),
    shardOf: (whole, command) => shardStream(whole, order(command)[0] as number),
    probe: (whole, command) => order(command).map((number) => shardStream(whole, number)),
  }
}

/** The thing a shard is a part of; any other stream is its own whole. The key of a projection that sums shards. */
export function wholeOf(stream: StreamId): StreamId {
  return stream.replace(SHARD, '')
}

/**
 * A quantity in as equal integer parts as it has shards; the parts add up to it exactly. Each shard then refuses what
 * its own part cannot cover. A command that one shard refuses may ask the next (`probe`); a quantity larger than every
 * part is refused although the sum would cover it: choose the count so that parts stay well above one command's
 * quantity, or move a part between shards with a command to each (take first, give second, so the sum is never exceeded).
 *
 * @param quantity In minor units: an integer from 0.
 */
export function splitEscrow(quantity: number, count: number): readonly number[] {
  if (!Number.isSafeInteger(quantity) || quantity < 0)
    throw new RangeError(`${quantity} cannot be split: it is no count.`)
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`${count} is no number of shards.`)
  const part = Math.floor(quantity / count)
  const larger = quantity % count
  return Array.from({ length: count }, (_, number) => (number < larger ? part + 1 : part))
}

function shardStream(whole: StreamId, number: number): StreamId {
  const stream = `${whole}~shard-${number}`
  if (SHARD.test(whole)) throw new TypeError(`"${whole}" is a shard already.`)
  if (parseStreamId(stream) === undefined)
    throw new TypeError(`"${whole}" cannot be sharded: it is no stream id, or too long.`)
  return stream
}

/**
 * Highest random weight: raising the count from n to m moves only the share (m - n) / m of all commands.
 * The mixing is MurmurHash3's finalizer.
 */
function weigh(seed: number, number: number): number {
  let mixed = seed ^ Math.imul(number + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
