import { QueueFullError } from './pending-bytes.ts'

/** The device could not store something. What was there before is not touched. */
export interface StorageFailure {
  readonly kind: 'storage'
  /** `full`: unsent work has reached its limit. `no-room`: the browser gives no more space. `failed`: anything else. */
  readonly reason: 'full' | 'no-room' | 'failed'
  /** What happened, and what helps. */
  readonly message: string
  readonly cause: unknown
}

/** What a person is told when the device could not store something, and why, by the innermost cause. */
export function storageFailure(error: unknown): StorageFailure {
  const inner = (error as { inner?: unknown } | null)?.inner
  const root = typeof inner === 'object' && inner !== null && 'name' in inner ? inner : error
  const lost = 'so the change was not kept'
  const [reason, message] =
    root instanceof QueueFullError
      ? (['full', `Too much is unsent, ${lost}. Connect to the server.`] as const)
      : (root as { name?: unknown } | null)?.name === 'QuotaExceededError'
        ? (['no-room', `This device has no room left, ${lost}. Free some space and try again.`] as const)
        : ([
            'failed',
            `This device could not store it, ${lost}: ${root instanceof Error ? root.message : String(root)}`,
          ] as const)
  return { kind: 'storage', reason, message, cause: error }
}
