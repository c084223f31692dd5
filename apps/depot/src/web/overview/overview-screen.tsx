import type { ReactNode } from 'react'
import { texts } from '../texts.ts'
import { AsOf } from '../ui/as-of.tsx'
import { Screen } from '../ui/screen.tsx'
import { SearchBox } from '../ui/search-box.tsx'
import { useListAddress } from '../ui/use-list.ts'
import { RevenueChart } from './revenue-chart.tsx'
import { SearchResults } from './search-results.tsx'
import { StockFigures } from './stock-figures.tsx'

/** Everything at once: a search over all there is, and the figures that only the server adds up. */
export function OverviewScreen(): ReactNode {
  const { params, text, setText } = useListAddress()
  const asked = (params.get('q') ?? '').trim()
  return (
    <Screen title={texts.nav.overview} subtitle={<AsOf live="time" />}>
      <div role="search" className="flex border-b border-line px-4 pb-3 sm:px-6">
        <SearchBox label={texts.overview.search.label} text={text} onText={setText} />
      </div>
      {asked === '' ? (
        <div className="grid gap-4 px-4 pt-4 sm:px-6">
          <StockFigures />
          <RevenueChart />
        </div>
      ) : (
        <SearchResults text={asked} />
      )}
    </Screen>
  )
}
