import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import type { AttentionReason } from '@tidemark/client'
import { useClient } from '@tidemark/react'
import type { OrderState } from '@tidemark/depot/domain'
import { describeEvent } from '../commands/describe.ts'
import { formatDayAndTime } from '../format.ts'
import { nameOf } from '../session/accounts.ts'
import { useIsNarrow } from '../ui/use-media.ts'
import { texts } from '../texts.ts'
import { conflictFields, type ConflictField } from './conflict-fields.ts'

interface ConflictViewProps {
  readonly aggregate: string
  readonly reason: Extract<AttentionReason, { kind: 'conflict' }>
}

/** Before, mine and theirs, field by field; and who did what meanwhile. */
export function ConflictView({ aggregate, reason }: ConflictViewProps): ReactNode {
  const { principal } = useClient()
  const narrow = useIsNarrow()
  const fields = conflictFields(aggregate, reason.base?.state, reason.mine.state, reason.theirs.state)
  const base = aggregate === 'order' ? (reason.base?.state as OrderState | undefined) : undefined
  const { conflict } = texts
  return (
    <>
      {reason.theirs.events.length > 0 && (
        <div className="mb-3">
          <h3 className="text-xs font-medium text-soft">{conflict.meanwhile}</h3>
          <ul className="mt-1 flex flex-col gap-1 text-sm">
            {reason.theirs.events.map((event) => (
              <li key={event.id}>
                {describeEvent(event, undefined, base)}
                <span className="text-soft">{` · ${nameOf(principal.tenant, event.principal)}, ${formatDayAndTime(event.occurredAt)}`}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {fields.length > 0 && (
        <table
          aria-label={conflict.table}
          className="w-full table-fixed border-separate border-spacing-0 overflow-hidden rounded-xl border border-line text-sm"
        >
          <thead>
            <tr className="bg-sunken text-left text-xs text-soft">
              {!narrow && <Head>{conflict.field}</Head>}
              <Head>{conflict.base}</Head>
              <Head>{conflict.mine}</Head>
              <Head>{conflict.theirs}</Head>
            </tr>
          </thead>
          {fields.map((field) => (
            <Field key={field.key} field={field} stacked={narrow} />
          ))}
        </table>
      )}
    </>
  )
}

function Head({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <th scope="col" className="px-3 py-2 font-medium">
      {children}
    </th>
  )
}

/** On a phone the field's name stands above its three versions. */
function Field({ field, stacked }: { readonly field: ConflictField; readonly stacked: boolean }): ReactNode {
  const name = 'border-t border-line px-3 text-left align-top font-medium break-words'
  const cells = (
    <>
      <Cell text={field.base} stacked={stacked} />
      <Cell
        text={field.mine}
        stacked={stacked}
        changed={field.changedBy !== 'them'}
        look="bg-accent-wash text-accent"
      />
      <Cell text={field.theirs} stacked={stacked} changed={field.changedBy !== 'me'} look="bg-warn-wash text-warn" />
    </>
  )
  return (
    <tbody data-field={field.key}>
      {stacked ? (
        <>
          <tr>
            <th scope="rowgroup" colSpan={3} className={clsx(name, 'pt-2')}>
              {field.label}
            </th>
          </tr>
          <tr>{cells}</tr>
        </>
      ) : (
        <tr>
          <th scope="row" className={clsx(name, 'py-2')}>
            {field.label}
          </th>
          {cells}
        </tr>
      )}
    </tbody>
  )
}

interface CellProps {
  readonly text: string | null
  readonly stacked: boolean
  readonly changed?: boolean
  readonly look?: string
}

function Cell({ text, stacked, changed = false, look }: CellProps): ReactNode {
  const shown = text === null ? texts.conflict.absent : text === '' ? texts.conflict.empty : text
  return (
    <td className={clsx('px-3 py-2 align-top break-words', !stacked && 'border-t border-line')}>
      <span
        className={clsx(changed ? ['rounded-md px-1.5 py-0.5 font-medium box-decoration-clone', look] : 'text-soft')}
      >
        {shown}
      </span>
    </td>
  )
}
