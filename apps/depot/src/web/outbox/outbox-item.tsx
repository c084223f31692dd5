import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { Clock, Hourglass, LoaderCircle, TriangleAlert } from 'lucide-react'
import { Link } from 'wouter'
import type { PendingCause, PendingCommand } from '@tidemark/client'
import { Order } from '@tidemark/depot/domain'
import { useAggregate, useConflicts } from '@tidemark/react'
import { describeCommand } from '../commands/describe.ts'
import { sayWhyNot, toPerformed } from '../commands/perform.ts'
import { SubjectLink } from '../commands/subject-link.tsx'
import { formatAge } from '../format.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { addToast } from '../ui/toasts.ts'
import { useNow } from '../ui/use-now.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

/** One change on its way. */
export function OutboxItem({ command }: { readonly command: PendingCommand }): ReactNode {
  const order = useAggregate(Order, command.stream)?.state
  const now = useNow()
  const { cause } = command
  const serious = cause.kind === 'attention' || cause.kind === 'blocked' || cause.kind === 'no-longer-holds'
  return (
    <li
      data-testid="outbox-item"
      data-command={command.id}
      data-state={command.state}
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line px-4 py-3 last:border-0 sm:px-5"
    >
      <span className={clsx('shrink-0', serious ? 'text-bad' : 'text-warn')}>{icon(cause)}</span>
      <div className="min-w-0 flex-1 basis-56">
        <p className="text-sm font-medium break-words">{describeCommand(command.type, command.input, order)}</p>
        <p className="mt-0.5 text-xs text-soft">
          <SubjectLink stream={command.stream} />
          {` · ${formatAge(command.occurredAt, now, words.justNow)}`}
          {command.attempts > 1 && ` · ${texts.outbox.tries(command.attempts)}`}
          {command.queued && ` · ${texts.outbox.queued}`}
        </p>
        <p className={clsx('mt-1 text-xs', serious ? 'text-bad' : 'text-soft')}>
          {causeWords(cause)}
          {command.lastError !== undefined && retries(cause) && ` · ${texts.outbox.lastError[command.lastError.kind]}`}
        </p>
      </div>
      {cause.kind === 'attention' && <Decide attention={cause.attention} />}
    </li>
  )
}

function Decide({ attention }: { readonly attention: string }): ReactNode {
  const { resolve } = useConflicts()
  const discard = async (): Promise<void> => {
    const performed = toPerformed(await resolve(attention, { kind: 'discard' }))
    if (performed.kind !== 'done') addToast({ text: sayWhyNot(performed), tone: 'bad' })
  }
  return (
    <span className="flex gap-2">
      <Button look="danger" onClick={() => void discard()}>
        {texts.attention.discard}
      </Button>
      <Link href="/attention" className={buttonClass('primary')}>
        {texts.outbox.decide}
      </Link>
    </span>
  )
}

function icon(cause: PendingCause): ReactNode {
  switch (cause.kind) {
    case 'sending':
    case 'awaiting-outcome':
      return <LoaderCircle size={18} aria-hidden className="animate-spin" />
    case 'attention':
    case 'no-longer-holds':
      return <TriangleAlert size={18} aria-hidden />
    case 'behind':
    case 'blocked':
      return <Hourglass size={18} aria-hidden />
    case 'next':
    case 'offline':
    case 'sign-in':
    case 'upgrade':
    case 'server-busy':
    case 'storage':
      return <Clock size={18} aria-hidden />
  }
}

/** Only then the last failure still says something. */
function retries(cause: PendingCause): boolean {
  return cause.kind === 'next' || cause.kind === 'offline' || cause.kind === 'server-busy'
}

function causeWords(cause: PendingCause): string {
  return (words.causes[cause.kind] as (cause: PendingCause) => string)(cause)
}
