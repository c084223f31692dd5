import type { ReactNode } from 'react'
import { TriangleAlert } from 'lucide-react'
import { Link } from 'wouter'
import { texts } from '../texts.ts'

/** From a marked item to where it is decided on. */
export function AttentionLink(): ReactNode {
  return (
    <Link
      href="/attention"
      className="mb-4 flex items-center gap-3 rounded-xl bg-bad-wash px-4 py-3 text-sm font-medium text-bad hover:underline"
    >
      <TriangleAlert size={18} aria-hidden className="shrink-0" />
      {texts.attention.leadsHere}
    </Link>
  )
}
