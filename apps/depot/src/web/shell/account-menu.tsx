import { useState, type ReactNode } from 'react'
import { LogOut } from 'lucide-react'
import { useClient } from '@tidemark/react'
import { Initials } from '../session/sign-in-screen.tsx'
import { IconButton } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { SignOutDialog } from './sign-out-dialog.tsx'

/** Who is signed in, where, and the way out. */
export function AccountMenu({ compact = false }: { readonly compact?: boolean }): ReactNode {
  const { principal } = useClient()
  const [leaving, setLeaving] = useState(false)
  const role = principal.roles.map((each) => words.roles[each] ?? each).join(', ')
  return (
    <div className="flex items-center gap-2.5">
      {!compact && (
        <>
          <Initials name={principal.name} />
          <div className="min-w-0 flex-1 leading-tight">
            <p className="truncate text-sm font-medium">{principal.name}</p>
            <p className="truncate text-xs text-soft">{role}</p>
          </div>
        </>
      )}
      <IconButton label={texts.signOut.button} onClick={() => setLeaving(true)}>
        <LogOut size={17} aria-hidden />
      </IconButton>
      {leaving && <SignOutDialog onClose={() => setLeaving(false)} />}
    </div>
  )
}
