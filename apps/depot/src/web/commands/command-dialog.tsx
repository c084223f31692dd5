import type { ReactNode } from 'react'
import type { CommandDefinition, StreamId } from '@tidemark/core'
import { Dialog } from '../ui/dialog.tsx'
import { commandFields, toInput, toValues } from './fields.ts'
import { FieldsForm } from './fields-form.tsx'
import { usePerform } from './perform.ts'

interface CommandDialogProps {
  readonly title: string
  readonly submit: string
  readonly command: CommandDefinition
  readonly stream: StreamId
  /** What the form starts with; parts it does not show go along unchanged. */
  readonly initial?: unknown
  readonly onClose: () => void
}

/** A command's form in a dialog; stays open with the reason when the answer is no. */
export function CommandDialog({ title, submit, command, stream, initial, onClose }: CommandDialogProps): ReactNode {
  const perform = usePerform()
  const fields = commandFields[command.type] ?? []
  return (
    <Dialog title={title} onClose={onClose}>
      <FieldsForm
        fields={fields}
        initial={toValues(fields, initial)}
        submit={submit}
        onSubmit={(values) => perform(command, stream, toInput(fields, values, initial))}
        onDone={onClose}
        onCancel={onClose}
      />
    </Dialog>
  )
}
