import { useMemo, type ReactNode } from 'react'
import { clsx } from 'clsx'
import { CloudUpload, Undo2 } from 'lucide-react'
import type { HistoryEntry, HistoryResult } from '@tidemark/client'
import { isReactionPrincipalId, type StreamId } from '@tidemark/core'
import { useClient } from '@tidemark/react'
import { IMPORTER_ID, type OrderState } from '@tidemark/depot/domain'
import { compensationOf } from '../commands/compensation.ts'
import { describeEvent, statesBefore } from '../commands/describe.ts'
import { undoNow } from '../commands/perform.ts'
import { formatDayAndTime } from '../format.ts'
import { nameOf } from '../session/accounts.ts'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { useHistory } from './use-history.ts'

interface StreamHistoryProps {
  readonly stream: StreamId
  readonly version: number
  /** The order as it is now; absent for a product. */
  readonly order?: OrderState
}

/** What happened, when and by whom, newest first; what is only on this device is marked so. */
export function StreamHistory({ stream, version, order }: StreamHistoryProps): ReactNode {
  const result = useHistory(stream, version)
  const client = useClient()
  const entries = useMemo(() => describeAll(result, order), [result, order])
  if (result === undefined) return <p className="p-5 text-sm text-soft">{words.saved.loading(undefined)}</p>
  return (
    <div>
      {result.kind !== 'history' && (
        <p className="border-b border-line bg-warn-wash px-4 py-2.5 text-sm text-warn sm:px-5">
          {texts.history.partial[result.kind]}
        </p>
      )}
      {entries.length === 0 && result.kind === 'history' && (
        <p className="p-5 text-sm text-soft">{texts.history.none}</p>
      )}
      <ol className="flex flex-col">
        {entries.toReversed().map(({ entry, text, before }) => {
          const undo = entry.content.kind === 'event' ? compensationOf(entry.content.event, before, order) : undefined
          const may = undo !== undefined && client.allows(undo.command)
          return (
            <li
              key={entry.id}
              data-testid="history-entry"
              className="flex items-start gap-3 border-b border-line px-4 py-3 last:border-0 sm:px-5"
            >
              <span
                aria-hidden
                className={clsx('mt-1.5 size-2 shrink-0 rounded-full', entry.pending ? 'bg-warn' : 'bg-accent')}
              />
              <div className="min-w-0 flex-1">
                <p className="text-sm break-words">{text}</p>
                <p className="mt-0.5 flex flex-wrap items-center gap-x-1.5 text-xs text-soft">
                  <span>{`${author(client.principal, entry.principal)} · ${formatDayAndTime(entry.occurredAt)}`}</span>
                  {entry.pending && (
                    <span className="inline-flex items-center gap-1 text-warn">
                      <CloudUpload size={13} aria-hidden />
                      {texts.history.onDevice}
                    </span>
                  )}
                </p>
              </div>
              {may && (
                <Button
                  look="quiet"
                  className="px-2.5 text-soft"
                  icon={<Undo2 size={15} aria-hidden />}
                  aria-label={texts.history.undo(text)}
                  onClick={() => void undoNow(client, undo.command, stream, undo.input)}
                >
                  {texts.undo.button}
                </Button>
              )}
            </li>
          )
        })}
      </ol>
    </div>
  )
}

interface Described {
  readonly entry: HistoryEntry
  readonly text: string
  readonly before: OrderState | undefined
}

function describeAll(result: HistoryResult | undefined, order: OrderState | undefined): readonly Described[] {
  if (result === undefined) return []
  const events = result.entries.map(({ content }) => (content.kind === 'event' ? content.event : undefined))
  const isOrder = result.entries[0]?.type.startsWith('order.') === true
  const before = isOrder ? statesBefore(events) : []
  return result.entries.map((entry, index) => ({
    entry,
    text:
      entry.content.kind === 'event'
        ? describeEvent(entry.content.event, before[index], order)
        : words.unknownEvent(entry.type),
    before: before[index],
  }))
}

function author(me: { readonly id: string; readonly tenant: string }, principal: string): string {
  if (principal === me.id) return words.you
  if (isReactionPrincipalId(principal)) return texts.history.stockKeeping
  return principal === IMPORTER_ID ? texts.history.imported : nameOf(me.tenant, principal)
}
