import { useState, type ReactNode } from 'react'
import { ArrowLeft, PackageX } from 'lucide-react'
import { Link } from 'wouter'
import { LOADING } from '@tidemark/client'
import { isStreamKey } from '@tidemark/core'
import { Product, StockList } from '@tidemark/depot/domain'
import { useAggregate, useRow, useSyncStatus } from '@tidemark/react'
import { formatCount, formatMoney } from '../format.ts'
import { StreamHistory } from '../history/stream-history.tsx'
import { AttentionLink } from '../orders/attention-link.tsx'
import { NotFoundScreen } from '../shell/not-found-screen.tsx'
import { AsOf } from '../ui/as-of.tsx'
import { Badge } from '../ui/badge.tsx'
import { buttonClass } from '../ui/button.tsx'
import { ListLoading } from '../ui/list-loading.tsx'
import { Marks } from '../ui/marks.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { texts } from '../texts.ts'
import { StockButtons, StockDialog, type StockAction } from './stock-actions.tsx'
import { isLow } from './stock-query.ts'

export function ProductScreen({ productKey }: { readonly productKey: string }): ReactNode {
  return isStreamKey(productKey) ? <KnownProduct code={productKey} /> : <NotFoundScreen />
}

function KnownProduct({ code }: { readonly code: string }): ReactNode {
  const stream = Product.stream(code)
  const synced = useRow(StockList, stream)
  const version = useAggregate(Product, stream)?.version ?? 0
  const loading = useSyncStatus().initial !== 'done'
  const [action, setAction] = useState<StockAction>()
  if (synced === LOADING || synced === undefined) {
    return <Screen title={code}>{synced === LOADING || loading ? <ListLoading /> : <Missing />}</Screen>
  }
  const { row } = synced
  return (
    <Screen
      title={row.description || row.code}
      subtitle={
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span>
            <span className="text-ink">{row.code}</span>
            {` · ${texts.stock.each(formatMoney(row.unitPrice))} · `}
            <AsOf live="time" />
          </span>
          <Marks pending={synced.pending} attention={synced.attention} stale={synced.stale} />
        </span>
      }
      actions={<StockButtons name={row.description} onAction={setAction} />}
    >
      <div className="px-4 sm:px-6">
        <Link href="/stock" className="mb-3 inline-flex min-h-6 items-center gap-1.5 text-sm text-soft hover:text-ink">
          <ArrowLeft size={15} aria-hidden />
          {texts.nav.stock}
        </Link>
        {synced.attention && <AttentionLink />}
        <dl className="mb-4 grid grid-cols-3 gap-px overflow-hidden rounded-2xl border border-line bg-line">
          <Figure label={texts.stock.columns.onHand} value={formatCount(row.onHand)} />
          <Figure label={texts.stock.columns.reserved} value={formatCount(row.reserved)} />
          <Figure label={texts.stock.columns.free} value={formatCount(row.free)} low={isLow(row)} />
        </dl>
        <section aria-labelledby="product-history" className="rounded-2xl border border-line bg-surface">
          <h2 id="product-history" className="border-b border-line px-4 py-3 text-sm font-semibold sm:px-5">
            {texts.order.history}
          </h2>
          <StreamHistory stream={stream} version={version} />
        </section>
      </div>
      {action !== undefined && (
        <StockDialog
          code={row.code}
          description={row.description}
          action={action}
          onClose={() => setAction(undefined)}
        />
      )}
    </Screen>
  )
}

function Figure({
  label,
  value,
  low = false,
}: {
  readonly label: string
  readonly value: string
  readonly low?: boolean
}): ReactNode {
  return (
    <div className="bg-surface px-4 py-3 sm:px-5">
      <dt className="flex flex-wrap items-center gap-2 text-xs text-soft">
        {label}
        {low && <Badge tone="warn">{texts.stock.lowBadge}</Badge>}
      </dt>
      <dd className="mt-1 text-2xl font-semibold tracking-tight tabular-nums">{value}</dd>
    </div>
  )
}

function Missing(): ReactNode {
  return (
    <Empty icon={<PackageX size={22} aria-hidden />} title={texts.stock.missing} text={texts.order.missingText}>
      <Link href="/stock" className={buttonClass('primary')}>
        {texts.nav.stock}
      </Link>
    </Empty>
  )
}
