import { useEffect, useState, type ReactNode } from 'react'
import {
  createClient,
  createTrpcTransport,
  DatabaseUnavailableError,
  NewerSchemaError,
  type TidemarkClient,
} from '@tidemark/client'
import type { Principal } from '@tidemark/core'
import { depot } from '@tidemark/depot/domain'
import { TidemarkProvider } from '@tidemark/react'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { RescueScreen } from './rescue-screen.tsx'
import { sessionStore } from './session-store.ts'

interface ClientGateProps {
  readonly principal: Principal
  readonly children: ReactNode
}

type Opening =
  | { readonly kind: 'opening' }
  /** Another tab holds an older version of the data open. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'open'; readonly client: TidemarkClient }
  | { readonly kind: 'failed'; readonly error: unknown }

/** Opens the signed-in person's data on this device, and closes it when they leave. */
export function ClientGate({ principal, children }: ClientGateProps): ReactNode {
  const [opening, setOpening] = useState<Opening>({ kind: 'opening' })
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let left = false
    let opened: TidemarkClient | undefined
    const open = async (): Promise<void> => {
      // A tick later: StrictMode mounts, unmounts and mounts again, and only the last of them shall open anything.
      await Promise.resolve()
      if (left) return
      opened = await createClient({
        domain: depot,
        principal,
        // Asked at every request: signing in again takes effect without opening anything anew.
        onBlocked: () => {
          if (!left) setOpening({ kind: 'blocked' })
        },
        transport: createTrpcTransport({ url: '/trpc', token: () => sessionStore.getState().current?.token }),
      })
      if (left) await opened.close()
      else setOpening({ kind: 'open', client: opened })
    }
    setOpening({ kind: 'opening' })
    open().catch((error: unknown) => {
      if (!left) setOpening({ kind: 'failed', error })
    })
    return () => {
      left = true
      void opened?.close()
    }
  }, [principal, attempt])
  if (opening.kind === 'open') return <TidemarkProvider client={opening.client}>{children}</TidemarkProvider>
  if (opening.kind === 'opening') return <Splash />
  if (opening.kind === 'blocked') {
    return (
      <main role="status" className="mx-auto flex h-full max-w-md flex-col justify-center gap-3 px-6">
        <h1 className="text-lg font-semibold">{texts.blocked.title}</h1>
        <p className="text-sm text-soft">{texts.blocked.text}</p>
      </main>
    )
  }
  return (
    <main className="mx-auto flex h-full max-w-md flex-col justify-center gap-3 px-6">
      {opening.error instanceof NewerSchemaError ? (
        <>
          <h1 className="text-lg font-semibold">{texts.update.olderTitle}</h1>
          <p className="text-sm text-soft">{texts.update.olderThanData}</p>
          <Button look="primary" className="self-start" onClick={() => location.reload()}>
            {texts.update.button}
          </Button>
        </>
      ) : (
        <RescueScreen
          principal={principal}
          message={sayCause(opening.error)}
          onTryAgain={() => setAttempt(attempt + 1)}
        />
      )}
    </main>
  )
}

/** What the browser said, without what the client says to programmers. */
function sayCause(error: unknown): string {
  const cause = error instanceof DatabaseUnavailableError ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

/** Blank for a moment: it takes tens of milliseconds, and a flash of a spinner would be longer. */
function Splash(): ReactNode {
  return (
    <div role="status" className="flex h-full items-center justify-center">
      <span className="animate-late text-sm text-soft">{texts.opening}</span>
    </div>
  )
}
