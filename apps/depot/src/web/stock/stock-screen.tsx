import { useMemo, useState, type ReactNode } from 'react'
import { Boxes, PackagePlus, SearchX } from 'lucide-react'
import { Product, StockList } from '@tidemark/depot/domain'
import { useAllows, useSyncStatus } from '@tidemark/react'
import { AsOf } from '../ui/as-of.tsx'
import { Button } from '../ui/button.tsx'
import { Chips, SortSelect } from '../ui/list-controls.tsx'
import { ListLoading } from '../ui/list-loading.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { SearchBox } from '../ui/search-box.tsx'
import { useListAddress, useWindow } from '../ui/use-list.ts'
import { texts } from '../texts.ts'
import { RegisterDialog } from './register-dialog.tsx'
import { LOW_STOCK, readStockQuery, STOCK_SORTS, toStockRows } from './stock-query.ts'
import { StockTable } from './stock-table.tsx'

const SHOW = [
  { value: undefined, label: texts.all },
  { value: 'low', label: texts.stock.low(LOW_STOCK) },
] as const
const SORTS = STOCK_SORTS.map((sort) => ({ value: sort, label: texts.stock.sorts[sort] }))

export function StockScreen(): ReactNode {
  const { params, text, setText, setParam } = useListAddress()
  const query = useMemo(() => readStockQuery(params), [params])
  const rows = useMemo(() => toStockRows(query), [query])
  const { snapshot, showMore } = useWindow(StockList, rows)
  const mayRegister = useAllows(Product.commands.register)
  const [registering, setRegistering] = useState(false)
  const loading = useSyncStatus().initial !== 'done'
  const narrowed = query.text !== '' || query.low
  return (
    <Screen
      fills
      title={texts.nav.stock}
      subtitle={<AsOf live="time" />}
      actions={
        mayRegister && (
          <Button look="primary" icon={<PackagePlus size={17} aria-hidden />} onClick={() => setRegistering(true)}>
            {texts.stock.register}
          </Button>
        )
      }
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 pb-3 sm:px-6">
        <SearchBox label={texts.stock.search} text={text} onText={setText} />
        <SortSelect
          value={query.sort}
          options={SORTS}
          onValue={(sort) => setParam('sort', sort === 'description' ? undefined : sort)}
        />
        <Chips
          label={texts.stock.filter}
          value={query.low ? 'low' : undefined}
          options={SHOW}
          onValue={(show) => setParam('show', show)}
        />
      </div>
      {snapshot.status === 'loading' || (loading && snapshot.rows.length === 0) ? (
        <ListLoading />
      ) : snapshot.rows.length > 0 ? (
        <StockTable snapshot={snapshot} onNearEnd={showMore} />
      ) : narrowed ? (
        <Empty icon={<SearchX size={22} aria-hidden />} title={texts.stock.noMatch}>
          <Button
            onClick={() => {
              setText('')
              setParam('show', undefined)
            }}
          >
            {texts.showAll}
          </Button>
        </Empty>
      ) : (
        <Empty icon={<Boxes size={22} aria-hidden />} title={texts.stock.none} text={texts.stock.noneText} />
      )}
      {registering && <RegisterDialog onClose={() => setRegistering(false)} />}
    </Screen>
  )
}
