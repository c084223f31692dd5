import type { Json } from '@tidemark/core'

/** Unsent work may take so many bytes of this device, unless the app says otherwise. */
export const PENDING_BYTES = 64 * 2 ** 20

/** What is kept beside the input of a command, about. Bytes. */
export const COMMAND_OVERHEAD = 1_024

/** What a pending command is counted as, about. Follows from what never changes in it, so that what was added is taken away. */
export function bytesOf({ input }: { readonly input: Json }): number {
  return JSON.stringify(input).length + COMMAND_OVERHEAD
}

/** Room for unsent work: `none` where not even the smallest command finds any. */
export type PendingRoom = 'enough' | 'none'

/** Unsent work has reached its limit: nothing is added until some of it has got through. */
export class QueueFullError extends Error {}
