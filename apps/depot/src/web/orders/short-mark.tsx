import type { ReactNode } from 'react'
import { PackageX } from 'lucide-react'
import { texts } from '../texts.ts'

/** An order that there is not enough stock for. */
export function ShortMark({ lines }: { readonly lines: number }): ReactNode {
  if (lines === 0) return null
  const text = texts.order.shortLines(lines)
  return (
    <span className="inline-flex items-center text-warn" title={text} data-testid="order-short">
      <PackageX size={15} aria-hidden />
      <span className="sr-only">{text}</span>
    </span>
  )
}
