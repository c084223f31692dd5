/**
 * A command whose stream was split is judged on what the stream went on as: its author could not know, and what is
 * carried forward says the same. A split makes no command stale; what others wrote before or after it does. Pure.
 */
import type { CommandBase } from '@tidemark/core'
import type { Arrival } from './judge-command.ts'
import { authorOf, foreignAfter, type Foreign, type StreamState } from './stream-state.ts'

/** How a command came to a stream that it was not pushed for. */
export interface Moved {
  /** Events that its author has seen of the stream, behind those that were carried forward. */
  readonly beyond: number
  /** Whether others wrote to the streams before this one what its author has not seen. */
  readonly foreign: Foreign
  /** The streams before, each with the version up to which its author has seen it. */
  readonly through: readonly { readonly stream: string; readonly after: number }[]
  /**
   * The version, counted in the stream that the command was pushed for, that the carried-forward events stand for. Devices
   * go on counting in that stream, whose versions end there; what they are told as a base has to fit their counting.
   */
  readonly shift: number
}

/** The command as it arrives at what the closed stream went on as. */
export function moveOn(arrival: Arrival, closed: StreamState, successor: string): Arrival {
  const base = baseIn(arrival, closed)
  const seen = base?.version ?? 0
  const author = authorOf(arrival.principal.id, arrival.device)
  const moved: Moved = {
    beyond: Math.max(0, seen - closed.version),
    foreign: eitherForeign(arrival.moved?.foreign ?? 'none', foreignAfter(closed, seen, author)),
    through: [...(arrival.moved?.through ?? []), { stream: arrival.stream, after: seen }],
    shift: toPushedVersion(arrival, closed, closed.version),
  }
  return { ...arrival, stream: successor, moved, isRead: false }
}

/** What the command was decided on, counted in the stream that it is judged in. */
export function baseIn({ pushed, moved }: Arrival, current: StreamState): CommandBase {
  if (pushed.base === null || moved === undefined) return pushed.base
  return { version: current.opened + moved.beyond, after: pushed.base.after }
}

/** A version of the stream that the command is judged in, counted in the stream that it was pushed for. */
export function toPushedVersion({ moved }: Arrival, current: StreamState, version: number): number {
  return moved === undefined ? version : moved.shift + version - current.opened
}

export function eitherForeign(a: Foreign, b: Foreign): Foreign {
  if (a === 'some' || b === 'some') return 'some'
  return a === 'none' ? b : a
}
