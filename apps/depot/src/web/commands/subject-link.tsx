import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { LOADING } from '@tidemark/client'
import type { StreamId } from '@tidemark/core'
import { OrderList, StockList } from '@tidemark/depot/domain'
import { useRow } from '@tidemark/react'
import { texts } from '../texts.ts'
import { subjectOf } from './describe.ts'

const link = 'font-medium text-accent hover:underline'

/** The order or product a change is about, by the name people know it by. */
export function SubjectLink({ stream }: { readonly stream: StreamId }): ReactNode {
  const subject = subjectOf(stream)
  switch (subject.kind) {
    case 'order':
      return <OrderLink stream={stream} orderKey={subject.key} />
    case 'product':
      return <ProductLink stream={stream} code={subject.key} />
    case 'other':
      return <span>{subject.key}</span>
  }
}

function OrderLink({ stream, orderKey }: { readonly stream: StreamId; readonly orderKey: string }): ReactNode {
  const row = useRow(OrderList, stream)
  const named = row === LOADING || row === undefined ? texts.order.title : texts.order.named(row.row.number)
  return (
    <Link href={`/orders/${orderKey}`} className={link}>
      {named}
    </Link>
  )
}

function ProductLink({ stream, code }: { readonly stream: StreamId; readonly code: string }): ReactNode {
  const row = useRow(StockList, stream)
  const name = row === LOADING || row === undefined ? '' : row.row.description
  return (
    <Link href={`/stock/${encodeURIComponent(code)}`} className={link}>
      {name || code}
    </Link>
  )
}
