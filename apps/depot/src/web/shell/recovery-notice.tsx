import type { ReactNode } from 'react'
import { LifeBuoy, X } from 'lucide-react'
import { useClient, useSyncStatus } from '@tidemark/react'
import { commandTitle } from '../commands/describe.ts'
import { SubjectLink } from '../commands/subject-link.tsx'
import { IconButton } from '../ui/button.tsx'
import { Strip } from '../ui/strip.tsx'
import { formatAge } from '../format.ts'
import { useNow } from '../ui/use-now.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

/** What this device had lost, and what of it is back: said once, exactly, and until somebody has read it. */
export function RecoveryNotice(): ReactNode {
  const { recovery } = useSyncStatus()
  const client = useClient()
  const now = useNow()
  if (recovery === null) return null
  const { restored, lost, unnamed, lastContactAt, elsewhere } = recovery
  const gone = lost.length + unnamed
  return (
    <div role="alert" data-testid="recovery" data-restored={restored} data-lost={gone}>
      <Strip
        tone={gone + elsewhere.length === 0 ? 'info' : 'bad'}
        icon={<LifeBuoy size={16} aria-hidden />}
        text={
          <>
            <p>
              {restored + gone > 0 && texts.recovery.found} {restored > 0 && texts.recovery.restored(restored)}{' '}
              {gone > 0 &&
                texts.recovery.lost(gone, lastContactAt === null ? null : formatAge(lastContactAt, now, words.justNow))}
            </p>
            {elsewhere.map(({ device, unsent, seenAt }) => (
              <p key={device}>{texts.recovery.elsewhere(unsent, formatAge(seenAt, now, words.justNow))}</p>
            ))}
            {lost.length > 0 && (
              <ul className="mt-1 list-disc pl-5 text-xs">
                {lost.map((command) => (
                  <li key={command.id}>
                    {commandTitle(command.type)} · <SubjectLink stream={command.stream} /> ·{' '}
                    {formatAge(command.occurredAt, now, words.justNow)}
                  </li>
                ))}
              </ul>
            )}
          </>
        }
      >
        <IconButton label={texts.dismiss} onClick={() => void client.dismissRecovery()}>
          <X size={16} aria-hidden />
        </IconButton>
      </Strip>
    </div>
  )
}
