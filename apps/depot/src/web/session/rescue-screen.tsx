import { useEffect, useState, type ReactNode } from 'react'
import { rescueDevice, type Rescue } from '@tidemark/client'
import type { Principal } from '@tidemark/core'
import { depot } from '@tidemark/depot/domain'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { savePendingFile } from './pending-file.ts'

interface RescueScreenProps {
  readonly principal: Principal
  readonly message: string
  readonly onTryAgain: () => void
}

/** The browser cannot open this person's data: what is safe, what can be done, and nothing done without being asked. */
export function RescueScreen({ principal, message, onTryAgain }: RescueScreenProps): ReactNode {
  const [rescue, setRescue] = useState<Rescue>()
  useEffect(() => {
    let left = false
    void rescueDevice({ domain: depot, principal }).then((found) => {
      if (!left) setRescue(found)
    })
    return () => {
      left = true
    }
  }, [principal])
  const unsent = rescue?.unsent
  const count = unsent?.commands.length ?? 0
  return (
    <>
      <h1 className="text-lg font-semibold">{texts.openFailed.title}</h1>
      <p className="text-sm text-soft">{texts.openFailed.text}</p>
      <p className="rounded-lg bg-sunken p-3 font-mono text-xs break-words">{message}</p>
      {rescue !== undefined && (
        <>
          <p className="text-sm">{count === 0 ? texts.rescue.none : texts.rescue.unsent(count)}</p>
          <p className="text-sm text-soft">{texts.rescue.rebuildText}</p>
        </>
      )}
      <div className="flex flex-wrap gap-2">
        <Button look="primary" onClick={onTryAgain}>
          {texts.tryAgain}
        </Button>
        {unsent != null && count > 0 && (
          <Button onClick={() => savePendingFile(unsent)}>{texts.pendingFile.save}</Button>
        )}
        {rescue !== undefined && (
          <Button look="danger" onClick={() => void rescue.rebuild().then(onTryAgain)}>
            {texts.rescue.rebuild}
          </Button>
        )}
      </div>
    </>
  )
}
