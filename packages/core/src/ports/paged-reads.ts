/**
 * Reads that look at a bounded part of the log and say how far they have looked, so that who wants few events among
 * many gets on. There is no index by event type, which every append would pay for.
 */
import type { StoredEvent, SubscribeOptions } from './event-store.ts'

/** One page of a stream. */
export interface StreamPageRead {
  readonly tenant: string
  readonly stream: string
  /** Default `forwards`. */
  readonly direction?: 'forwards' | 'backwards'
  /** Version to begin with, which is read too. Default: the first; backwards the last. */
  readonly from?: number
  /** Only these event types. */
  readonly types?: readonly string[]
  /** Most events of the page, at least 1. Default 500. */
  readonly limit?: number
  /** With `types`: most versions that are looked at, at least 1. Default 10,000. */
  readonly window?: number
}

export interface StreamPage {
  /** In the order that was asked for. May be empty although there are more. */
  readonly events: readonly StoredEvent[]
  /** Version to go on from; `undefined` where the stream ends. */
  readonly next: number | undefined
}

/** A page of a lane, of some event types. */
export interface LanePage {
  readonly events: readonly StoredEvent[]
  /** All events of these types up to here have been told: go on after it. */
  readonly upTo: number
}

export interface TypeSubscription extends SubscribeOptions {
  readonly types: readonly string[]
  /** Most positions that one page looks at. Default 10,000. */
  readonly window?: number
}

export const PAGE_DEFAULTS = { limit: 500, window: 10_000 } as const

/** The versions that a page looks at, both included; `undefined` where there are none. Pure. */
export function pageRange(read: StreamPageRead, head: number): { low: number; high: number } | undefined {
  const { direction, from, types, limit = PAGE_DEFAULTS.limit, window = PAGE_DEFAULTS.window } = read
  const size = Math.max(1, Math.floor(types === undefined ? limit : window))
  const backwards = direction === 'backwards'
  const start = Math.floor(from ?? (backwards ? head : 1))
  const low = Math.max(1, backwards ? start - size + 1 : start)
  const high = Math.min(head, backwards ? start : low + size - 1)
  return low > high ? undefined : { low, high }
}

/** Version after which the next page begins, given what a page found in its range. Pure. */
export function nextOf(
  read: StreamPageRead,
  range: { readonly low: number; readonly high: number },
  head: number,
  found: readonly StoredEvent[],
): number | undefined {
  const backwards = read.direction === 'backwards'
  const isCut = found.length >= Math.max(1, Math.floor(read.limit ?? PAGE_DEFAULTS.limit))
  const edge = backwards ? range.low : range.high
  const last = isCut ? (found.at(-1)?.version ?? edge) : edge
  const next = backwards ? last - 1 : last + 1
  return next >= 1 && next <= head ? next : undefined
}
