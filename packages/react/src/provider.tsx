import { createContext, useContext, type ReactNode } from 'react'
import type { TidemarkClient } from '@tidemark/client'

const ClientContext = createContext<TidemarkClient | null>(null)

/** Makes a client available to every hook below it. */
export function TidemarkProvider(props: { readonly client: TidemarkClient; readonly children?: ReactNode }): ReactNode {
  return <ClientContext value={props.client}>{props.children}</ClientContext>
}

/** The client of the nearest provider. Throws where there is none. */
export function useClient(): TidemarkClient {
  const client = useContext(ClientContext)
  if (client === null) {
    throw new Error('No Tidemark client here: wrap this part of the app in <TidemarkProvider client={…}>.')
  }
  return client
}
