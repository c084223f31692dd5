import type { ReactNode } from 'react'

/** The mark: a T standing in the tide. */
export function Logo({ className }: { readonly className?: string }): ReactNode {
  return <img src="/icon.svg" alt="" className={className} />
}
