import type { ReactNode } from 'react'
import { CloudCheck, FileDown, RefreshCw } from 'lucide-react'
import { useClient, usePending, useSyncStatus } from '@tidemark/react'
import { savePendingFile } from '../session/pending-file.ts'
import { AsOf } from '../ui/as-of.tsx'
import { Button } from '../ui/button.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { LoadPendingFile } from './load-pending-file.tsx'
import { OutboxItem } from './outbox-item.tsx'
import { OutboxList } from './outbox-list.tsx'

/** Every change that the server has not confirmed: what, how old, and why it is still here. */
export function OutboxScreen(): ReactNode {
  const pending = usePending()
  const client = useClient()
  const { pending: count, persisted, secondCopy } = useSyncStatus()
  const warnings = [
    ...(persisted === false ? [texts.outbox.mayBeCleared] : []),
    ...(secondCopy === 'missing' || secondCopy === 'failing' ? [texts.storage.oneCopy] : []),
  ]
  return (
    <Screen
      title={texts.nav.outbox}
      subtitle={count === 0 ? <AsOf live="time" /> : words.saved.countDevice(count)}
      actions={
        <>
          <LoadPendingFile />
          {pending.length > 0 && (
            <>
              <Button
                icon={<FileDown size={16} aria-hidden />}
                onClick={() => void client.exportPending().then(savePendingFile)}
              >
                {texts.pendingFile.save}
              </Button>
              <Button icon={<RefreshCw size={16} aria-hidden />} onClick={() => client.sync()}>
                {texts.outbox.syncNow}
              </Button>
            </>
          )}
        </>
      }
    >
      <div className="px-4 sm:px-6">
        {pending.length > 0 &&
          warnings.map((text) => (
            <p key={text} className="mb-3 rounded-xl bg-warn-wash px-4 py-2.5 text-sm text-warn">
              {text}
            </p>
          ))}
        {pending.length === 0 ? (
          <Empty
            icon={<CloudCheck size={24} aria-hidden />}
            title={words.saved.allServer}
            text={texts.outbox.noneText}
          />
        ) : (
          <OutboxList items={pending}>{(command) => <OutboxItem key={command.id} command={command} />}</OutboxList>
        )}
      </div>
    </Screen>
  )
}
