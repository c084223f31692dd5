import type { ParkReason } from '../park-reason.ts'

/** Why an event was set aside, for whoever looks at it. */
export interface ParkedCause {
  /**
   * As for projections; or `rejected`: the pipeline does not take a command; `exhausted`: an outside call that went on
   * failing. `unreadable` was written by releases that did not tell what cannot be read apart.
   */
  readonly reason: ParkReason | 'rejected' | 'exhausted' | 'behind' | 'unreadable'
  readonly message: string
}

export const BEHIND: ParkedCause = { reason: 'behind', message: 'An earlier event of its stream is parked.' }

/** Streams are a tenant's own. */
export function streamKey({ tenant, stream }: { readonly tenant: string; readonly stream: string }): string {
  return `${tenant}\n${stream}`
}
