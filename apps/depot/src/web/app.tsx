import { useEffect, useMemo, type ReactNode } from 'react'
import { useStore } from 'zustand'
import type { Principal } from '@tidemark/core'
import { ClientGate } from './session/client-gate.tsx'
import { followOtherTabs, sessionStore } from './session/session-store.ts'
import { SignInScreen } from './session/sign-in-screen.tsx'
import { Shell } from './shell/shell.tsx'

/** Signed out: the sign-in screen at every address, which it keeps. Signed in: the app over that person's data. */
export function App(): ReactNode {
  useEffect(() => followOtherTabs(), [])
  // Compared as text: a renewed token, or another tab's copy of the same person, must not open the data anew.
  const text = useStore(sessionStore, ({ current }) =>
    current === undefined ? undefined : JSON.stringify(current.principal),
  )
  const principal = useMemo(() => (text === undefined ? undefined : (JSON.parse(text) as Principal)), [text])
  if (principal === undefined) return <SignInScreen />
  return (
    <ClientGate key={text} principal={principal}>
      <Shell />
    </ClientGate>
  )
}
