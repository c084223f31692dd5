import { useEffect, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useStore } from 'zustand'
import { ChevronRight, WifiOff } from 'lucide-react'
import { Logo } from '../ui/logo.tsx'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { cachedAccounts, fetchAccounts, signIn, type Account } from './accounts.ts'
import { accountKey, sessionStore, startSession } from './session-store.ts'

/** Choose who you are. The people come from the server's development issuer; a real issuer takes this screen's place. */
export function SignInScreen(): ReactNode {
  const [accounts, setAccounts] = useState(cachedAccounts)
  const [reachable, setReachable] = useState<boolean>()
  const [attempt, setAttempt] = useState(0)
  const [problem, setProblem] = useState<string>()
  const [path, navigate] = useLocation()
  const [wanted] = useState(path)

  useEffect(() => {
    document.title = `${texts.signIn.title} · Tidemark Depot`
    const left = new AbortController()
    void fetchAccounts(left.signal).then((fetched) => {
      if (left.signal.aborted) return
      setReachable(fetched !== undefined)
      if (fetched !== undefined) setAccounts(fetched)
    })
    const again = (): void => setAttempt((count) => count + 1)
    addEventListener('online', again)
    return () => {
      left.abort()
      removeEventListener('online', again)
    }
  }, [attempt])

  const choose = async (tenant: string, user: string): Promise<void> => {
    setProblem(undefined)
    const session = await signIn(tenant, user)
    if (session === undefined) {
      setProblem(texts.signIn.failed)
      return
    }
    navigate(wanted === '/' || wanted === '/sign-in' ? '/orders' : wanted, { replace: true })
    await startSession(session).catch(() => setProblem(words.problems.storage))
  }

  const tenants = [...new Set((accounts ?? []).map(({ tenant }) => tenant))]
  return (
    <main id="main" className="mx-auto flex min-h-full max-w-3xl flex-col justify-center gap-6 px-4 py-10">
      <header className="flex flex-col gap-3 px-1">
        <Logo className="size-11" />
        <div>
          <h1 className="text-2xl font-semibold tracking-tight">{texts.signIn.title}</h1>
          <p className="mt-1 text-sm text-soft">{texts.signIn.lead}</p>
        </div>
      </header>
      <p role="alert" className="text-sm text-bad empty:hidden">
        {problem}
      </p>
      {reachable === false && (
        <div className="flex flex-wrap items-center gap-3 rounded-xl bg-warn-wash px-4 py-3 text-sm text-warn">
          <WifiOff size={18} aria-hidden className="shrink-0" />
          <span className="min-w-0 flex-1">{texts.signIn.offline}</span>
          <Button onClick={() => setAttempt(attempt + 1)}>{texts.tryAgain}</Button>
        </div>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        {tenants.map((tenant) => (
          <TenantCard
            key={tenant}
            tenant={tenant}
            people={(accounts ?? []).filter((each) => each.tenant === tenant)}
            onChoose={choose}
          />
        ))}
      </div>
    </main>
  )
}

interface TenantCardProps {
  readonly tenant: string
  readonly people: readonly Account[]
  readonly onChoose: (tenant: string, user: string) => Promise<void>
}

function TenantCard({ tenant, people, onChoose }: TenantCardProps): ReactNode {
  const kept = useStore(sessionStore, (state) => state.kept)
  const [busy, setBusy] = useState(false)
  return (
    <section aria-labelledby={`tenant-${tenant}`} className="overflow-hidden rounded-2xl border border-line bg-surface">
      <h2 id={`tenant-${tenant}`} className="border-b border-line px-4 py-3 text-sm font-semibold">
        {people[0]?.tenantName}
      </h2>
      <ul>
        {people.map((person) => (
          <li key={person.user} className="border-b border-line last:border-0">
            <Person
              person={person}
              kept={kept[accountKey(tenant, person.user)] ?? 0}
              busy={busy}
              onChoose={() => {
                setBusy(true)
                void onChoose(tenant, person.user).finally(() => setBusy(false))
              }}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface PersonProps {
  readonly person: Account
  /** Changes they left on this device. */
  readonly kept: number
  readonly busy: boolean
  readonly onChoose: () => void
}

function Person({ person, kept, busy, onChoose }: PersonProps): ReactNode {
  const role = person.roles.map((each) => words.roles[each] ?? each).join(', ')
  return (
    <button
      type="button"
      disabled={busy}
      aria-label={texts.signIn.as(person.name, role)}
      onClick={onChoose}
      className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left -outline-offset-2 transition-colors hover:bg-accent-wash disabled:opacity-60"
    >
      <Initials name={person.name} />
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">{person.name}</span>
        <span className="block text-xs text-soft">{role}</span>
        {kept > 0 && <span className="block text-xs text-warn">{texts.signIn.kept(kept)}</span>}
      </span>
      <span className="inline-flex items-center gap-1 text-sm font-medium text-accent">
        {texts.signIn.button}
        <ChevronRight size={16} aria-hidden />
      </span>
    </button>
  )
}

export function Initials({ name }: { readonly name: string }): ReactNode {
  const letters = name
    .split(/\s+/)
    .map((word) => word.charAt(0))
    .slice(0, 2)
    .join('')
  return (
    <span
      aria-hidden
      className="flex size-9 shrink-0 items-center justify-center rounded-full bg-accent-wash text-xs font-semibold text-accent"
    >
      {letters}
    </span>
  )
}
