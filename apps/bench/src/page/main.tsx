import { createClient, createTrpcTransport } from '@tidemark/client'
import { depot } from '@tidemark/depot/domain'
import type { Principal } from '@tidemark/core'
import { TidemarkProvider } from '@tidemark/react'
import { createRoot } from 'react-dom/client'
import { Bench, createMeasurePage, type BareList } from './bench.tsx'

/** Who uses this page stands in its address: `?tenant=…&user=…`. */
async function signIn(): Promise<{ readonly token: string; readonly principal: Principal }> {
  const account = Object.fromEntries(new URLSearchParams(location.search))
  const response = await fetch('/dev/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  })
  if (!response.ok) throw new Error(`Signing in was answered ${response.status}.`)
  return (await response.json()) as { token: string; principal: Principal }
}

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
    <Bench bare={bare} />
  </TidemarkProvider>,
)
