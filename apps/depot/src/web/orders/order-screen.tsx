import { useState, type ReactNode } from 'react'
import { ArrowLeft, PackageX } from 'lucide-react'
import { Link } from 'wouter'
import { LOADING } from '@tidemark/client'
import { isStreamKey } from '@tidemark/core'
import { customerName, Order, OrderList } from '@tidemark/depot/domain'
import { useAggregate, useRow, useSyncStatus } from '@tidemark/react'
import { formatDay } from '../format.ts'
import { AsOf } from '../ui/as-of.tsx'
import { StatusBadge } from '../ui/badge.tsx'
import { buttonClass } from '../ui/button.tsx'
import { ListLoading } from '../ui/list-loading.tsx'
import { Marks } from '../ui/marks.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { Tabs } from '../ui/tabs.tsx'
import { StreamHistory } from '../history/stream-history.tsx'
import { NotFoundScreen } from '../shell/not-found-screen.tsx'
import { texts } from '../texts.ts'
import { AttentionLink } from './attention-link.tsx'
import { LineTable } from './line-table.tsx'
import { NoteCard } from './note-card.tsx'
import { OrderActions } from './order-actions.tsx'
import { ShortMark } from './short-mark.tsx'

const TABS = [
  { key: 'lines', label: texts.order.lines },
  { key: 'history', label: texts.order.history },
] as const

export function OrderScreen({ orderKey }: { readonly orderKey: string }): ReactNode {
  return isStreamKey(orderKey) ? <KnownOrder stream={Order.stream(orderKey)} /> : <NotFoundScreen />
}

function KnownOrder({ stream }: { readonly stream: string }): ReactNode {
  const synced = useAggregate(Order, stream)
  const row = useRow(OrderList, stream)
  const loading = useSyncStatus().initial !== 'done'
  const [tab, setTab] = useState<'lines' | 'history'>('lines')
  if (synced === undefined || synced.version === 0) {
    const undecided = row === LOADING || row !== undefined || loading
    return <Screen title={texts.order.title}>{undecided ? <ListLoading /> : <Missing />}</Screen>
  }
  const order = synced.state
  return (
    <Screen
      title={texts.order.named(order.number)}
      subtitle={
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <StatusBadge status={order.status} />
          <ShortMark lines={Object.keys(order.short).length} />
          <Marks pending={synced.pending} attention={synced.attention} stale={synced.stale} />
          <span>
            <span className="text-ink">{customerName(order.customer)}</span>
            {[order.country, formatDay(order.placedAt), order.carrier].filter(Boolean).map((text) => ` · ${text}`)}
          </span>
          <AsOf live="nothing" />
        </span>
      }
      actions={<OrderActions stream={stream} order={order} />}
    >
      <div className="px-4 sm:px-6">
        <Link href="/orders" className="mb-3 inline-flex min-h-6 items-center gap-1.5 text-sm text-soft hover:text-ink">
          <ArrowLeft size={15} aria-hidden />
          {texts.order.back}
        </Link>
        {synced.attention && <AttentionLink />}
        <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
          <section className="min-w-0 rounded-2xl border border-line bg-surface">
            <Tabs tabs={TABS} value={tab} onValue={setTab} label={texts.order.title}>
              {tab === 'lines' ? (
                <LineTable stream={stream} order={order} />
              ) : (
                <StreamHistory stream={stream} version={synced.version} order={order} />
              )}
            </Tabs>
          </section>
          <NoteCard stream={stream} note={order.note} />
        </div>
      </div>
    </Screen>
  )
}

function Missing(): ReactNode {
  return (
    <Empty icon={<PackageX size={22} aria-hidden />} title={texts.order.missing} text={texts.order.missingText}>
      <Link href="/orders" className={buttonClass('primary')}>
        {texts.notFound.button}
      </Link>
    </Empty>
  )
}
