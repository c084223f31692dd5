import type { ReactNode } from 'react'
import { LongField, TextField } from '../ui/field.tsx'
import { texts } from '../texts.ts'
import type { OrderDraft } from './order-draft.ts'

interface CustomerFieldsProps {
  readonly draft: OrderDraft
  readonly nameError: string | undefined
  readonly onDraft: (change: (now: OrderDraft) => OrderDraft) => void
}

export function CustomerFields({ draft, nameError, onDraft }: CustomerFieldsProps): ReactNode {
  const set = (name: 'firstName' | 'lastName' | 'country' | 'note') => (text: string) =>
    onDraft((now) => ({ ...now, [name]: text }))
  const { fields } = texts
  return (
    <section aria-labelledby="new-customer" className="rounded-2xl border border-line bg-surface p-4 sm:p-5">
      <h2 id="new-customer" className="mb-3 text-sm font-semibold">
        {fields.customer}
      </h2>
      <div className="grid gap-3 sm:grid-cols-3">
        <TextField
          label={fields.firstName}
          optional
          maxLength={80}
          value={draft.firstName}
          onText={set('firstName')}
          autoFocus
        />
        <TextField
          label={fields.lastName}
          maxLength={80}
          value={draft.lastName}
          error={nameError}
          onText={set('lastName')}
        />
        <TextField label={fields.country} optional maxLength={60} value={draft.country} onText={set('country')} />
        <LongField
          label={fields.note}
          optional
          maxLength={2000}
          className="sm:col-span-3"
          rows={2}
          value={draft.note}
          onText={set('note')}
        />
      </div>
    </section>
  )
}
