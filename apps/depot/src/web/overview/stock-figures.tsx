import type { ReactNode } from 'react'
import { StockTotals } from '@tidemark/depot/domain'
import { formatCount, formatMoney } from '../format.ts'
import { texts } from '../texts.ts'
import { ReportNote } from './report-note.tsx'
import { useQuery } from './use-query.ts'

const EVERYTHING = {}

/** What the house holds, all products together. */
export function StockFigures(): ReactNode {
  const { result, latest } = useQuery(StockTotals, EVERYTHING)
  const label = texts.overview.stock
  return (
    <section aria-labelledby="overview-stock" className="overflow-hidden rounded-2xl border border-line bg-surface">
      <h2 id="overview-stock" className="border-b border-line px-4 py-3 text-sm font-semibold sm:px-5">
        {label.title}
      </h2>
      {latest !== undefined && (
        <dl className="grid grid-cols-2 gap-px bg-line sm:grid-cols-4">
          <Figure label={label.products} value={formatCount(latest.products)} />
          <Figure label={label.onHand} value={formatCount(latest.onHand)} />
          <Figure label={label.reserved} value={formatCount(latest.reserved)} />
          <Figure label={label.value} value={formatMoney(latest.value)} />
        </dl>
      )}
      <ReportNote result={result} />
    </section>
  )
}

function Figure({ label, value }: { readonly label: string; readonly value: string }): ReactNode {
  return (
    <div className="bg-surface px-4 py-3 sm:px-5">
      <dt className="text-xs text-soft">{label}</dt>
      <dd className="mt-1 text-xl font-semibold tracking-tight tabular-nums sm:text-2xl">{value}</dd>
    </div>
  )
}
