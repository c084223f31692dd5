/**
 * The audit trail of copy-and-transform: what was copied where, by which run, and why not.
 */
import type { StreamId } from '@tidemark/core'
import type { Driver } from './driver.ts'
import { beginTransform } from './statements/begin-transform.ts'
import { finishTransform } from './statements/finish-transform.ts'
import { readTransforms } from './statements/read-transforms.ts'
import type { TransformFailure } from './transform-plan.ts'

export interface TransformKey {
  readonly tenant: string
  readonly run: string
  readonly source: StreamId
}

export interface TransformStart extends TransformKey {
  /** How many events of the source are copied. */
  readonly sourceVersion: number
  /** `null` for a stream that is skipped. */
  readonly target: StreamId | null
}

export interface TransformEntry extends TransformStart {
  readonly state: 'started' | 'done' | 'skipped' | 'failed'
  readonly targetVersion: number | null
  readonly failure: TransformFailure | null
  readonly startedAt: string
  readonly finishedAt: string | null
}

export type TransformEnd =
  | { readonly state: 'done'; readonly targetVersion: number }
  | { readonly state: 'skipped' }
  | { readonly state: 'failed'; readonly failure: TransformFailure }

export interface TransformAudit {
  /** The entry to go on from: a new one, the one of a run that was cut off, or a finished one. A failed one begins anew. */
  begin(start: TransformStart): Promise<TransformEntry>
  finish(key: TransformKey, end: TransformEnd): Promise<void>
  /** A page of a run's entries, by source after the given one. Only those of one state, where given. */
  entries(read: TransformRead): Promise<readonly TransformEntry[]>
}

export interface TransformRead {
  readonly tenant: string
  readonly run: string
  readonly state?: TransformEntry['state']
  /** Default: from the first. */
  readonly after?: StreamId
  /** Default 500. */
  readonly limit?: number
}

/** The audit trail in the table `stream_transforms`. */
export function createTransformAudit(sql: Driver): TransformAudit {
  return {
    begin: (start) => beginTransform(sql, start),
    finish: (key, end) => finishTransform(sql, { ...key, end }),
    entries: (read) => readTransforms(sql, read),
  }
}
