import { useId, type ReactNode } from 'react'
import { Hourglass } from 'lucide-react'
import type { Attention } from '@tidemark/client'
import { Order } from '@tidemark/depot/domain'
import { useAggregate } from '@tidemark/react'
import type { OrderState } from '@tidemark/depot/domain'
import { describeCommand } from '../commands/describe.ts'
import { SubjectLink } from '../commands/subject-link.tsx'
import { formatAge } from '../format.ts'
import { Badge } from '../ui/badge.tsx'
import { useNow } from '../ui/use-now.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { AttentionChoices, type Resolve } from './attention-choices.tsx'
import { ConflictView } from './conflict-view.tsx'
import { ReasonNote } from './reason-note.tsx'

interface AttentionItemProps {
  readonly item: Attention
  readonly resolve: Resolve
}

export function AttentionItem({ item, resolve }: AttentionItemProps): ReactNode {
  const title = useId()
  const now = useNow()
  const current = useAggregate(Order, item.stream)?.state
  // A conflict names lines as its author saw them: they may be gone now.
  const seen =
    item.reason.kind === 'conflict' && item.stream.startsWith('order/')
      ? (item.reason.base?.state as OrderState | undefined)
      : undefined
  return (
    <li
      data-testid="attention-item"
      data-attention={item.id}
      data-reason={item.reason.kind}
      aria-labelledby={title}
      className="overflow-hidden rounded-2xl border border-line bg-surface"
    >
      <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 border-b border-line px-4 py-3 sm:px-5">
        <div className="min-w-0">
          <h2 id={title} className="text-sm font-semibold break-words">
            {describeCommand(item.type, item.input, seen ?? current)}
          </h2>
          <p className="mt-0.5 text-xs text-soft">
            <SubjectLink stream={item.stream} />
            {` · ${words.you}, ${formatAge(item.occurredAt, now, words.justNow)}`}
          </p>
        </div>
        <Badge tone={item.reason.kind === 'conflict' ? 'warn' : 'bad'}>{words.attentionTitles[item.reason.kind]}</Badge>
      </header>
      <div className="px-4 py-3 sm:px-5">
        {item.reason.kind === 'conflict' ? (
          <ConflictView aggregate={item.type.split('.')[0] ?? ''} reason={item.reason} />
        ) : (
          <ReasonNote reason={item.reason} />
        )}
        {item.blocked.length > 0 && (
          <p className="mt-3 flex items-center gap-2 text-sm text-warn">
            <Hourglass size={16} aria-hidden className="shrink-0" />
            {texts.attention.blocked(item.blocked.length)}
          </p>
        )}
      </div>
      <AttentionChoices item={item} resolve={resolve} />
    </li>
  )
}
