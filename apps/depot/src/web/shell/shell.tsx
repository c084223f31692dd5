import { useEffect, type ReactNode } from 'react'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import { useClient } from '@tidemark/react'
import { AttentionScreen } from '../attention/attention-screen.tsx'
import { NewOrderScreen } from '../orders/new-order-screen.tsx'
import { OrderScreen } from '../orders/order-screen.tsx'
import { OrdersScreen } from '../orders/orders-screen.tsx'
import { OutboxScreen } from '../outbox/outbox-screen.tsx'
import { OverviewScreen } from '../overview/overview-screen.tsx'
import { tenantName } from '../session/accounts.ts'
import { ProductScreen } from '../stock/product-screen.tsx'
import { StockScreen } from '../stock/stock-screen.tsx'
import { Logo } from '../ui/logo.tsx'
import { ToastList } from '../ui/toast-list.tsx'
import { useIsNarrow } from '../ui/use-media.ts'
import { texts } from '../texts.ts'
import { AccountMenu } from './account-menu.tsx'
import { LiveRegion } from './live-region.tsx'
import { Navigation } from './navigation.tsx'
import { NotFoundScreen } from './not-found-screen.tsx'
import { Notices } from './notices.tsx'
import { Shortcuts } from './shortcuts.tsx'
import { SyncStatusIndicator } from './sync-status.tsx'

/** Everything around the screens. */
export function Shell(): ReactNode {
  const narrow = useIsNarrow()
  return (
    <div className="flex h-dvh overflow-hidden">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg focus:bg-raised focus:px-3 focus:py-2"
      >
        {texts.skip}
      </a>
      {!narrow && <Sidebar />}
      <div className="flex min-w-0 flex-1 flex-col">
        {narrow && <TopBar />}
        <Notices />
        <Screens />
        {narrow && (
          <div className="border-t border-line bg-surface pb-[env(safe-area-inset-bottom)]">
            <Navigation tabs />
          </div>
        )}
      </div>
      <ToastList />
      <LiveRegion />
      <Shortcuts />
    </div>
  )
}

function Sidebar(): ReactNode {
  const { principal } = useClient()
  return (
    <aside className="flex w-60 shrink-0 flex-col gap-4 border-r border-line bg-surface p-3">
      <div className="flex items-center gap-2.5 px-2 pt-2">
        <Logo className="size-9" />
        <div className="min-w-0 leading-tight">
          <p className="truncate text-sm font-semibold tracking-tight">Tidemark Depot</p>
          <p className="truncate text-xs text-soft">{tenantName(principal.tenant)}</p>
        </div>
      </div>
      <Navigation />
      <div className="mt-auto flex flex-col gap-3">
        <SyncStatusIndicator />
        <div className="border-t border-line px-1 pt-3">
          <AccountMenu />
        </div>
      </div>
    </aside>
  )
}

function TopBar(): ReactNode {
  const { principal } = useClient()
  return (
    <div className="flex items-center gap-2 border-b border-line bg-surface py-0.5 pt-[max(0.125rem,env(safe-area-inset-top))] pr-1 pl-3">
      <Logo className="size-6 shrink-0" />
      <p className="min-w-0 flex-1 truncate text-xs font-medium text-soft">{tenantName(principal.tenant)}</p>
      <div className="flex min-w-0 justify-end">
        <SyncStatusIndicator compact />
      </div>
      <AccountMenu compact />
    </div>
  )
}

function Screens(): ReactNode {
  const [path] = useLocation()
  // The keyboard starts at the top of a new screen, unless the screen has put it into a field.
  useEffect(() => {
    const main = document.getElementById('main')
    if (main?.contains(document.activeElement) === false) main.focus({ preventScroll: true })
  }, [path])
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/orders" replace />
      </Route>
      <Route path="/sign-in">
        <Redirect to="/orders" replace />
      </Route>
      <Route path="/overview" component={OverviewScreen} />
      <Route path="/orders" component={OrdersScreen} />
      <Route path="/orders/new" component={NewOrderScreen} />
      <Route path="/orders/:key">{({ key }) => <OrderScreen key={key} orderKey={key} />}</Route>
      <Route path="/stock" component={StockScreen} />
      <Route path="/stock/:key">{({ key }) => <ProductScreen key={key} productKey={decodeURIComponent(key)} />}</Route>
      <Route path="/outbox" component={OutboxScreen} />
      <Route path="/attention" component={AttentionScreen} />
      <Route component={NotFoundScreen} />
    </Switch>
  )
}
