import { createClient, createTrpcTransport } from '@tidemark/client'
import { depot } from '@tidemark/depot/domain'
import type { Principal } from '@tidemark/core'
import { TidemarkProvider } from '@tidemark/react'
import { createRoot } from 'react-dom/client'
import { BareReactList, createMeasurePage, SyncedList, type BareList } from './lists.tsx'

/** Who uses this page stands in its address: `?tenant=…&user=…`; with `&bare`, the bare list stands beside the synced one. */
async function signIn(): Promise<{ readonly token: string; readonly principal: Principal }> {
  const account = Object.fromEntries(parameters)
  const response = await fetch('/dev/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  })
  if (!response.ok) throw new Error(`Signing in was answered ${response.status}.`)
  return (await response.json()) as { token: string; principal: Principal }
}

const parameters = new URLSearchParams(location.search)
const { token, principal } = await signIn()
const client = await createClient({
  domain: depot,
  principal,
  transport: createTrpcTransport({ url: '/trpc', token: () => token }),
})
const bare: BareList = { replace: undefined }
window.measure = createMeasurePage(client, bare)
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root element.')
createRoot(root).render(
  <TidemarkProvider client={client}>
    <SyncedList />
    {parameters.has('bare') && <BareReactList bare={bare} />}
  </TidemarkProvider>,
)
