import { useState, type ReactNode } from 'react'
import { useClient } from '@tidemark/react'
import { Button } from '../ui/button.tsx'
import { addToast } from '../ui/toasts.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { signIn } from '../session/accounts.ts'
import { startSession } from '../session/session-store.ts'

/** One click renews an expired session; nothing that is open or unsent is touched. */
export function SignInAgain(): ReactNode {
  const client = useClient()
  const [busy, setBusy] = useState(false)
  const renew = async (): Promise<void> => {
    setBusy(true)
    const session = await signIn(client.principal.tenant, client.principal.id)
    setBusy(false)
    if (session === undefined) {
      addToast({ text: texts.signIn.failed, tone: 'bad' })
      return
    }
    // In use as soon as it is stored; where it cannot be, it is asked for again next time.
    await startSession(session).catch(() => addToast({ text: words.problems.storage, tone: 'bad' }))
    client.sync()
  }
  return (
    <Button look="primary" className="mr-1.5 min-h-8 px-2.5 text-xs" disabled={busy} onClick={() => void renew()}>
      {texts.signIn.button}
    </Button>
  )
}
