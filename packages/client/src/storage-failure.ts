/** What a person is told when the device could not store something, and why, by the innermost cause. */
export function storageFailure(error: unknown): {
  readonly kind: 'storage'
  readonly message: string
  readonly cause: unknown
} {
  const inner = (error as { inner?: unknown } | null)?.inner
  const root =
    inner instanceof Error || (typeof inner === 'object' && inner !== null && 'name' in inner) ? inner : error
  const name = (root as { name?: unknown } | null)?.name
  if (name === 'QuotaExceededError') {
    return {
      kind: 'storage',
      message: 'This device has no room left for the app, so the change was not kept. Free some space and try again.',
      cause: error,
    }
  }
  const detail = root instanceof Error ? root.message : String(root)
  return {
    kind: 'storage',
    message: `This device could not store the change, so it was not kept: ${detail}`,
    cause: error,
  }
}
