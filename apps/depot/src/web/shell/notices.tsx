import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { CloudOff, Download, RefreshCw, X } from 'lucide-react'
import { useStore } from 'zustand'
import { useSyncStatus } from '@tidemark/react'
import { Button, IconButton } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { startUpdates, updateStore } from './app-update.ts'
import { installOffer } from './install-offer.ts'
import { useSteadyStatus } from './use-steady-status.ts'

const EXPLAINED = 'depot:offline-explained'
const NO_INSTALL = 'depot:no-install'

/** Small strips above the content: they tell something once, stand in nobody's way, and name what still works. */
export function Notices(): ReactNode {
  useEffect(() => startUpdates(), [])
  return (
    <div className="flex flex-col empty:hidden">
      <UpdateNotice />
      <OfflineNotice />
      <InstallNotice />
    </div>
  )
}

function UpdateNotice(): ReactNode {
  const take = useStore(updateStore, (state) => state.take)
  const required = useSyncStatus().connection === 'upgrade-required'
  if (take === undefined && !required) return null
  return (
    <Strip icon={<RefreshCw size={16} aria-hidden />} text={required ? texts.update.required : texts.update.ready}>
      <Button look="primary" className="min-h-8" onClick={() => (take === undefined ? location.reload() : void take())}>
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

interface StripProps {
  readonly icon: ReactNode
  readonly text: string
  readonly children: ReactNode
}

function Strip({ icon, text, children }: StripProps): ReactNode {
  return (
    <div className="flex items-center gap-3 border-b border-line bg-info-wash px-4 py-1.5 text-sm text-info sm:px-6">
      <span className="shrink-0">{icon}</span>
      <p className="min-w-0 flex-1">{text}</p>
      {children}
    </div>
  )
}
