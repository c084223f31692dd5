import { useId, useState, type ReactNode } from 'react'
import { Button } from '../ui/button.tsx'
import { LongField, TextField } from '../ui/field.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { issuesByField, type Field, type FieldValues } from './fields.ts'
import type { Performed } from './perform.ts'

interface FieldsFormProps {
  readonly fields: readonly Field[]
  readonly initial: FieldValues
  /** What others made of the same fields, to be taken over one by one. */
  readonly theirs?: FieldValues | undefined
  readonly submit: string
  readonly onSubmit: (values: FieldValues) => Promise<Performed>
  /** After it was done. */
  readonly onDone: () => void
  readonly onCancel: () => void
}

/** The form of a command. What was typed stays, whatever the answer is. */
export function FieldsForm({
  fields,
  initial,
  theirs,
  submit,
  onSubmit,
  onDone,
  onCancel,
}: FieldsFormProps): ReactNode {
  const form = useId()
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
        const other = theirs?.[field.path]
        const setField = (text: string): void => setValues((now) => ({ ...now, [field.path]: text }))
        const common = {
          label: field.label,
          error: errors[field.path],
          optional: field.optional,
          value: values[field.path] ?? '',
          onText: setField,
          autoFocus: index === 0,
        }
        return (
          <div key={field.path}>
            {field.kind === 'long' ? (
              <LongField {...common} />
            ) : (
              <TextField
                {...common}
                inputMode={field.kind === 'money' ? 'decimal' : field.kind === 'count' ? 'numeric' : 'text'}
                suggestions={field.suggestions}
              />
            )}
            {other !== undefined && other !== common.value && (
              <p className="mt-1.5 flex items-start justify-between gap-3 text-sm text-soft">
                <span id={`${form}-${field.path}`} className="min-w-0 break-words">
                  {texts.conflict.theirsIs(other)}
                </span>
                <button
                  type="button"
                  aria-describedby={`${form}-${field.path}`}
                  className="shrink-0 font-medium text-accent underline-offset-2 hover:underline pointer-coarse:min-h-11"
                  onClick={() => setField(other)}
                >
                  {texts.conflict.useTheirs}
                </button>
              </p>
            )}
          </div>
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
