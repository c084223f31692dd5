import type { ReactNode } from 'react'
import { CircleCheck } from 'lucide-react'
import { useConflicts } from '@tidemark/react'
import { Empty, Screen } from '../ui/screen.tsx'
import { texts } from '../texts.ts'
import { AttentionItem } from './attention-item.tsx'

/** What waits for a person: conflicts and refusals, each with what was entered and the ways on. */
export function AttentionScreen(): ReactNode {
  const { attention, resolve } = useConflicts()
  return (
    <Screen title={texts.nav.attention} subtitle={attention.length === 0 ? undefined : texts.attention.lead}>
      {attention.length === 0 ? (
        <Empty
          icon={<CircleCheck size={24} aria-hidden />}
          title={texts.attention.none}
          text={texts.attention.noneText}
        />
      ) : (
        <ul className="flex flex-col gap-4 px-4 sm:px-6">
          {attention.map((item) => (
            <AttentionItem key={item.id} item={item} resolve={resolve} />
          ))}
        </ul>
      )}
    </Screen>
  )
}
