import { useMemo, type ReactNode } from 'react'
import { Boxes, ClipboardList, SearchX } from 'lucide-react'
import { Link } from 'wouter'
import { OrderList, Search, StockList, type SearchHit } from '@tidemark/depot/domain'
import { useRows, useSyncStatus } from '@tidemark/react'
import { subjectOf } from '../commands/describe.ts'
import { texts } from '../texts.ts'
import { ListLoading } from '../ui/list-loading.tsx'
import { Empty } from '../ui/screen.tsx'
import { toLocalHits, toOrderFilter, toStockFilter } from './local-hits.ts'
import { ReportNote } from './report-note.tsx'
import { useQuery } from './use-query.ts'

const label = texts.overview.search
const MOST_LOCAL = 50

/** What the server finds; where it cannot be asked, what this device finds, and says so. */
export function SearchResults({ text }: { readonly text: string }): ReactNode {
  const input = useMemo(() => ({ text }), [text])
  const { result, latest } = useQuery(Search, input)
  const isOffline = useSyncStatus().connection === 'offline'
  // Known before the question itself has failed, which may take as long as a request may.
  if (isOffline && result?.kind !== 'answer') return <LocalResults text={text} isOffline />
  if (result === undefined) {
    // The hits of the letters before stay while the next ones are on their way.
    return latest === undefined ? <ListLoading /> : <Hits hits={latest.hits} more={latest.more} />
  }
  if (result.kind !== 'answer') return <LocalResults text={text} isOffline={result.kind === 'offline'} />
  return (
    <>
      <ReportNote result={result} />
      <Hits hits={result.output.hits} more={result.output.more} />
    </>
  )
}

function LocalResults({ text, isOffline }: { readonly text: string; readonly isOffline: boolean }): ReactNode {
  const orderQuery = useMemo(() => ({ index: 'recent', filter: toOrderFilter(text), limit: MOST_LOCAL }), [text])
  const stockQuery = useMemo(() => ({ index: 'byDescription', filter: toStockFilter(text), limit: MOST_LOCAL }), [text])
  const orders = useRows(OrderList, orderQuery)
  const products = useRows(StockList, stockQuery)
  const loading = orders.status === 'loading' || products.status === 'loading'
  return (
    <>
      <p
        role="status"
        data-testid="search-scope"
        className="mx-4 mt-4 rounded-lg bg-warn-wash px-3 py-2 text-sm text-warn sm:mx-6"
      >
        {isOffline ? label.onDevice : label.onDeviceMeanwhile}
      </p>
      {loading ? (
        <ListLoading />
      ) : (
        <Hits hits={toLocalHits(orders.rows, products.rows)} more={orders.more || products.more} />
      )}
    </>
  )
}

function Hits({ hits, more }: { readonly hits: readonly SearchHit[]; readonly more: boolean }): ReactNode {
  if (hits.length === 0) return <Empty icon={<SearchX size={22} aria-hidden />} title={label.none} />
  return (
    <div className="px-4 pt-4 sm:px-6">
      <p role="status" className="mb-2 text-sm text-soft">
        {label.found(hits.length, more)}
      </p>
      <ul aria-label={label.results} className="overflow-hidden rounded-2xl border border-line bg-surface">
        {hits.map((hit) => (
          <li key={hit.stream} className="border-b border-line last:border-b-0">
            <HitLink hit={hit} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function HitLink({ hit }: { readonly hit: SearchHit }): ReactNode {
  const { key } = subjectOf(hit.stream)
  const isOrder = hit.kind === 'order'
  return (
    <Link
      href={isOrder ? `/orders/${key}` : `/stock/${encodeURIComponent(key)}`}
      data-testid="search-hit"
      className="flex items-start gap-3 px-4 py-3 -outline-offset-2 hover:bg-accent-wash/50 sm:px-5"
    >
      <span className="mt-0.5 text-soft">
        {isOrder ? <ClipboardList size={18} aria-hidden /> : <Boxes size={18} aria-hidden />}
      </span>
      <span className="min-w-0">
        <span className="block truncate font-medium">
          {isOrder ? texts.order.named(hit.title) : hit.detail || hit.title}
        </span>
        <span className="mt-0.5 block truncate text-sm text-soft">{isOrder ? hit.detail : hit.title}</span>
        {hit.line !== '' && <span className="mt-0.5 block truncate text-sm text-soft">{label.line(hit.line)}</span>}
      </span>
    </Link>
  )
}
