import { useMemo, type ReactNode } from 'react'
import { ClipboardList, Plus, SearchX } from 'lucide-react'
import { Link } from 'wouter'
import { Order, OrderList } from '@tidemark/depot/domain'
import { useAllows, useSyncStatus } from '@tidemark/react'
import { AsOf } from '../ui/as-of.tsx'
import { Button, buttonClass } from '../ui/button.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { SearchBox } from '../ui/search-box.tsx'
import { Chips, SortSelect } from '../ui/list-controls.tsx'
import { ListLoading } from '../ui/list-loading.tsx'
import { useListAddress, useWindow } from '../ui/use-list.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { ORDER_SORTS, ORDER_STATUSES, readOrderQuery, toOrderRows } from './order-query.ts'
import { OrderTable } from './order-table.tsx'

const STATUS_CHIPS = [
  { value: undefined, label: texts.all },
  ...ORDER_STATUSES.map((status) => ({ value: status, label: words.status[status] })),
]
const SORTS = ORDER_SORTS.map((sort) => ({ value: sort, label: texts.orders.sorts[sort] }))

export function OrdersScreen(): ReactNode {
  const { params, text, setText, setParam } = useListAddress()
  const query = useMemo(() => readOrderQuery(params), [params])
  const rows = useMemo(() => toOrderRows(query), [query])
  const { snapshot, showMore } = useWindow(OrderList, rows)
  const mayPlace = useAllows(Order.commands.place)
  const loading = useSyncStatus().initial !== 'done'
  const narrowed = query.text !== '' || query.status !== undefined
  return (
    <Screen
      fills
      title={texts.nav.orders}
      subtitle={<AsOf />}
      actions={
        mayPlace && (
          <Link href="/orders/new" className={buttonClass('primary')}>
            <Plus size={17} aria-hidden />
            {texts.orders.new}
          </Link>
        )
      }
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 pb-3 sm:px-6">
        <SearchBox label={texts.orders.search} text={text} onText={setText} />
        <SortSelect
          value={query.sort}
          options={SORTS}
          onValue={(sort) => setParam('sort', sort === 'newest' ? undefined : sort)}
        />
        <Chips
          label={texts.orders.filter}
          value={query.status}
          options={STATUS_CHIPS}
          onValue={(status) => setParam('status', status)}
        />
      </div>
      {snapshot.status === 'loading' || (loading && snapshot.rows.length === 0) ? (
        <ListLoading />
      ) : snapshot.rows.length > 0 ? (
        <OrderTable snapshot={snapshot} onNearEnd={showMore} />
      ) : narrowed ? (
        <Empty icon={<SearchX size={22} aria-hidden />} title={texts.orders.noMatch}>
          <Button
            onClick={() => {
              setText('')
              setParam('status', undefined)
            }}
          >
            {texts.showAll}
          </Button>
        </Empty>
      ) : (
        <Empty icon={<ClipboardList size={22} aria-hidden />} title={texts.orders.none} text={texts.orders.noneText} />
      )}
    </Screen>
  )
}
