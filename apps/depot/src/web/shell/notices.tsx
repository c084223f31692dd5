import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { CloudOff, Download, HardDrive, RefreshCw, X } from 'lucide-react'
import { useStore } from 'zustand'
import { useSyncStatus } from '@tidemark/react'
import { Button, IconButton } from '../ui/button.tsx'
import { Strip } from '../ui/strip.tsx'
import { texts } from '../texts.ts'
import { startUpdates, updateStore } from './app-update.ts'
import { installOffer } from './install-offer.ts'
import { RecoveryNotice } from './recovery-notice.tsx'
import { useSteadyStatus } from './use-steady-status.ts'

const EXPLAINED = 'depot:offline-explained'
const NO_INSTALL = 'depot:no-install'

/** Small strips above the content: they tell something once, stand in nobody's way, and name what still works. */
export function Notices(): ReactNode {
  useEffect(() => startUpdates(), [])
  return (
    <div className="flex flex-col empty:hidden">
      <RecoveryNotice />
      <StorageNotice />
      <UpdateNotice />
      <OfflineNotice />
      <InstallNotice />
    </div>
  )
}

function UpdateNotice(): ReactNode {
  const take = useStore(updateStore, (state) => state.take)
  const { tooOldFor, pending } = useSyncStatus()
  if (take === undefined && tooOldFor === null) return null
  const text = tooOldFor === null ? texts.update.ready : texts.update.required
  return (
    <Strip
      tone={tooOldFor === 'device' ? 'bad' : 'info'}
      icon={<RefreshCw size={16} aria-hidden />}
      text={tooOldFor === 'device' ? texts.update.olderTab(pending) : text}
    >
      <Button look="primary" className="min-h-8" onClick={() => (take === undefined ? location.reload() : void take())}>
        {texts.update.button}
      </Button>
    </Strip>
  )
}

/** What is on screen stays there; nothing more is stored until the app has been opened anew. */
function StorageNotice(): ReactNode {
  if (useSyncStatus().connection !== 'storage-trouble') return null
  return (
    <Strip tone="bad" icon={<HardDrive size={16} aria-hidden />} text={texts.storage.trouble}>
      <Button className="min-h-8" onClick={() => location.reload()}>
        {texts.update.button}
      </Button>
    </Strip>
  )
}

/** The first time without a network it is said what that means; after that the indicator is enough. */
function OfflineNotice(): ReactNode {
  const offline = useSteadyStatus().connection === 'offline'
  const [explained, setExplained] = useState(() => localStorage.getItem(EXPLAINED) !== null)
  if (!offline || explained) return null
  return (
    <Strip icon={<CloudOff size={16} aria-hidden />} text={texts.offlineExplained}>
      <IconButton
        label={texts.dismiss}
        onClick={() => {
          localStorage.setItem(EXPLAINED, 'yes')
          setExplained(true)
        }}
      >
        <X size={16} aria-hidden />
      </IconButton>
    </Strip>
  )
}

function InstallNotice(): ReactNode {
  const offer = useSyncExternalStore(installOffer.subscribe, installOffer.get)
  const [declined, setDeclined] = useState(() => localStorage.getItem(NO_INSTALL) !== null)
  if (offer === undefined || declined) return null
  const decline = (): void => {
    localStorage.setItem(NO_INSTALL, 'yes')
    setDeclined(true)
  }
  return (
    <Strip
      icon={<Download size={16} aria-hidden />}
      text={offer.kind === 'ask' ? texts.install.ask : texts.install.ios}
    >
      {offer.kind === 'ask' && (
        <Button className="min-h-8" onClick={() => void offer.ask().then(decline)}>
          {texts.install.button}
        </Button>
      )}
      <IconButton label={texts.dismiss} onClick={decline}>
        <X size={16} aria-hidden />
      </IconButton>
    </Strip>
  )
}
