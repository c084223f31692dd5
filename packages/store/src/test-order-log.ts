/**
 * What a reader and the writers of one lane know, and what of it would break the order. Pure; every violation throws.
 */
import type { CommandIdentity, StoredEvent } from '@tidemark/core'

/** An append that was answered as stored. */
export interface Acknowledged {
  readonly stream: string
  /** Of its last event. */
  readonly version: number
  readonly position: number
  readonly command: CommandIdentity | null
  readonly ids: readonly string[]
}

/**
 * One reader's view of a lane, from its very start (I2): the next event is at the next position, and whatever is read again
 * is what was there before.
 */
export class LaneView {
  readonly #name: string
  readonly #ids: string[] = []

  constructor(name: string) {
    this.#name = name
  }

  get position(): number {
    return this.#ids.length
  }

  /** `after` is the position that was read from. */
  see(after: number, events: readonly StoredEvent[]): void {
    for (const [index, { position, id }] of events.entries()) {
      if (position !== after + index + 1) {
        throw new Error(`${this.#name} read position ${position} where ${after + index + 1} comes next.`)
      }
      const before = this.#ids[position - 1]
      if (before === undefined) this.#ids.push(id)
      else if (before !== id) {
        throw new Error(`${this.#name} read event ${id} at position ${position}, where ${before} was before.`)
      }
    }
  }

  /** For a read that had no bound: what ends before where this reader has been before has lost events. */
  seeWhole(events: readonly StoredEvent[]): void {
    if (events.length < this.position) {
      throw new Error(`${this.#name} read up to position ${events.length}, and had been at ${this.position} before.`)
    }
    this.see(0, events)
  }
}

/** The lane when all is quiet: contiguous streams (I1), each command once (I3), and whatever was acknowledged where its answer said. */
export function checkLane(
  events: readonly StoredEvent[],
  acknowledged: readonly Acknowledged[],
  absent: ReadonlySet<string>,
): void {
  const versionByStream = new Map<string, number>()
  const commands = new Set<string>()
  for (const { stream, version, position, id, command } of events) {
    const expected = (versionByStream.get(stream) ?? 0) + 1
    if (version !== expected)
      throw new Error(`${stream} has version ${version} where ${expected} comes next (position ${position}).`)
    versionByStream.set(stream, version)
    if (absent.has(id)) throw new Error(`Event ${id} is stored, and its writer was told that it is not.`)
    if (command === null) continue
    if (commands.has(command)) throw new Error(`Command ${command} was stored twice.`)
    commands.add(command)
  }
  for (const { stream, version, position, command, ids } of acknowledged) {
    for (const [index, id] of ids.entries()) {
      const back = ids.length - 1 - index
      const stored = events[position - back - 1]
      if (stored?.id !== id || stored.stream !== stream || stored.version !== version - back) {
        throw new Error(`Event ${id} is not at position ${position - back}, where its writer was told it is.`)
      }
    }
    const last = events[position - 1]
    if (command !== null && last?.command !== command.id)
      throw new Error(`Command ${command.id} is not with its events.`)
  }
}
