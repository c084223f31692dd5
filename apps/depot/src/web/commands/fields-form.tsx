import { useState, type ReactNode } from 'react'
import { Button } from '../ui/button.tsx'
import { LongField, TextField } from '../ui/field.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { issuesByField, type Field, type FieldValues } from './fields.ts'
import type { Performed } from './perform.ts'

interface FieldsFormProps {
  readonly fields: readonly Field[]
  readonly initial: FieldValues
  readonly submit: string
  readonly onSubmit: (values: FieldValues) => Promise<Performed>
  /** After it was done. */
  readonly onDone: () => void
  readonly onCancel: () => void
}

/** The form of a command. What was typed stays, whatever the answer is. */
export function FieldsForm({ fields, initial, submit, onSubmit, onDone, onCancel }: FieldsFormProps): ReactNode {
  const [values, setValues] = useState(initial)
  const [answer, setAnswer] = useState<Performed>()
  const [busy, setBusy] = useState(false)
  const errors = answer?.kind === 'invalid' ? issuesByField(fields, answer.issues) : {}
  const send = async (): Promise<void> => {
    setBusy(true)
    try {
      const performed = await onSubmit(values)
      setAnswer(performed)
      if (performed.kind === 'done') onDone()
    } catch (error) {
      setAnswer({ kind: 'no', why: words.problems.unexpected })
      throw error
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {fields.map((field, index) => {
        const common = {
          label: field.label,
          error: errors[field.path],
          optional: field.optional,
          value: values[field.path] ?? '',
          onText: (text: string) => setValues((now) => ({ ...now, [field.path]: text })),
          autoFocus: index === 0,
        }
        if (field.kind === 'long') return <LongField key={field.path} {...common} />
        return (
          <TextField
            key={field.path}
            {...common}
            inputMode={field.kind === 'money' ? 'decimal' : field.kind === 'count' ? 'numeric' : 'text'}
            suggestions={field.suggestions}
          />
        )
      })}
      <div role="alert" className="text-sm text-bad empty:hidden">
        {answer?.kind === 'no' && (
          <div className="rounded-lg bg-bad-wash px-3 py-2">
            <p className="font-medium">{answer.why}</p>
            {answer.next !== undefined && <p className="mt-0.5">{answer.next}</p>}
          </div>
        )}
        {answer?.kind === 'invalid' && words.problems.invalid}
      </div>
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>{texts.cancel}</Button>
        <Button look="primary" type="submit" disabled={busy}>
          {submit}
        </Button>
      </div>
    </form>
  )
}
