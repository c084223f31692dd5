import type { ParkedReason } from '../park-reason.ts'

interface Of {
  readonly projection: string
  readonly version: number
}

/** Something about a SQL projection that a person should know of. What goes on for long is told when it begins and when it ends. */
export type SqlAlert =
  /** Events were set aside, `events` of them for what is wrong with themselves. One alert for a batch. */
  | (Of & {
      readonly kind: 'parked'
      readonly lane: number
      readonly events: number
      readonly first: {
        readonly tenant: string
        readonly stream: string
        readonly position: number
        readonly type: string
        readonly reason: ParkedReason
        readonly error: string
      }
    })
  /** It waits for other code; `detail` says why. */
  | (Of & { readonly kind: 'blocked'; readonly lane: number; readonly reason: string; readonly detail: string })
  | (Of & { readonly kind: 'unblocked'; readonly lane: number })
  /** So many attempts in a row have failed, and go on: the database is away, or a statement would fail for every event. */
  | (Of & { readonly kind: 'failing'; readonly lane: number; readonly failures: number; readonly message: string })
  | (Of & { readonly kind: 'recovered'; readonly lane: number })
  /**
   * Its code is another than the one that fills its tables, under the same version. Raise the version, so that the tables
   * are built anew; or, where it writes the same, say so: `tidemark projections accept`.
   */
  | (Of & { readonly kind: 'code-changed' })

export type OnSqlAlert = (alert: SqlAlert) => void
