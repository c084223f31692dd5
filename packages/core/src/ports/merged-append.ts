/**
 * Many commands, one append: what a coalescer asks of a store, so that each of its commands still has one effect.
 */
import type { AppendAnswer, AppendRequest, CommandIdentity } from './event-store.ts'

/** A command whose effect is part of a merged append. */
export interface MergedMember {
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
}

/** Principal and device are those of whoever merges; each member keeps its own. */
export interface MergedAppendRequest extends Omit<AppendRequest, 'command' | 'after'> {
  /** At least one, at most 1,000, none twice. */
  readonly members: readonly MergedMember[]
}

export type MergedAppendAnswer =
  /**
   * The events are stored, and with them, for every member, the result `accepted` at this version and position. Asked
   * again, each member is `duplicate`, alone (`append`, `settle`, `results`) as well as in another merged append.
   */
  | Extract<
      AppendAnswer,
      { kind: 'appended' | 'conflict' | 'stream-closed' | 'invalid' | 'overloaded' | 'unavailable' }
    >
  /** Some members have a result already. Nothing was written: the events hold their effect, so merge again without them. */
  | { readonly kind: 'known-members'; readonly known: readonly KnownMember[] }

export interface KnownMember {
  /** Place in `members`. */
  readonly index: number
  readonly answer: Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' }>
}
