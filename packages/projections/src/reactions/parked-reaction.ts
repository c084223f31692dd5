/** Why an event was set aside, for whoever looks at it. */
export interface ParkedCause {
  readonly reason: 'unreadable' | 'failed' | 'rejected' | 'exhausted' | 'behind'
  readonly message: string
}

export const BEHIND: ParkedCause = { reason: 'behind', message: 'An earlier event of its stream is parked.' }

/** Streams are a tenant's own. */
export function streamKey({ tenant, stream }: { readonly tenant: string; readonly stream: string }): string {
  return `${tenant}\n${stream}`
}
