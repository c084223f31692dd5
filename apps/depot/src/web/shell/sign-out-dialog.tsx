import { useState, type ReactNode } from 'react'
import { FileDown } from 'lucide-react'
import type { SignOutChoice, SignOutResult } from '@tidemark/client'
import { useClient, useSyncStatus } from '@tidemark/react'
import { savePendingFile } from '../session/pending-file.ts'
import { endSession } from '../session/session-store.ts'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

/** Unsent work is never dropped by leaving: whoever signs out says what happens to it, and sees how much it is. */
export function SignOutDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const client = useClient()
  const { pending, connection } = useSyncStatus()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const leave = async (choice?: SignOutChoice): Promise<void> => {
    setBusy(true)
    const result = await client.signOut(choice)
    setBusy(false)
    if (result.kind === 'signed-out') await endSession(result.kept)
    else setProblem(sayStaying(result))
  }
  return (
    <Dialog title={texts.signOut.title} onClose={onClose}>
      <p role="alert" className="text-sm text-bad empty:hidden">
        {problem}
      </p>
      <p className="text-sm">{pending === 0 ? texts.signOut.clean : texts.signOut.pending(pending)}</p>
      {busy && pending > 0 && <p className="mt-2 text-sm text-soft">{texts.signOut.sending}</p>}
      {connection === 'offline' && <p className="mt-2 text-sm text-warn">{texts.signOut.offline}</p>}
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{texts.cancel}</Button>
        {pending === 0 ? (
          <Button look="primary" disabled={busy} onClick={() => void leave()}>
            {texts.signOut.button}
          </Button>
        ) : (
          <>
            <Button
              icon={<FileDown size={16} aria-hidden />}
              disabled={busy}
              onClick={() => void client.exportPending().then(savePendingFile)}
            >
              {texts.pendingFile.save}
            </Button>
            <Button look="danger" disabled={busy} onClick={() => void leave({ kind: 'discard', count: pending })}>
              {texts.signOut.discard(pending)}
            </Button>
            <Button
              look={connection === 'live' ? 'plain' : 'primary'}
              disabled={busy}
              onClick={() => void leave({ kind: 'keep' })}
            >
              {texts.signOut.keep}
            </Button>
            {connection === 'live' && (
              <Button look="primary" disabled={busy} onClick={() => void leave({ kind: 'sync' })}>
                {texts.signOut.send}
              </Button>
            )}
          </>
        )}
      </div>
    </Dialog>
  )
}

function sayStaying(result: Exclude<SignOutResult, { kind: 'signed-out' }>): string {
  switch (result.kind) {
    case 'pending-work':
      return texts.signOut.changed(result.count)
    case 'not-loaded':
      return words.problems.notLoaded
    case 'storage':
      return words.problems.storage
  }
}
