import type { Item } from '../item.ts'

/** Newest first in the order of keys, as its scans go. The key is derived from the item alone, so a change finds it. */
export function keyOf({ id, updatedAt }: Item): string {
  return `item/${String(9_999_999_999_999 - updatedAt).padStart(13, '0')}/${id}`
}
