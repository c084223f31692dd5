import { useState, type ReactNode } from 'react'
import type { StreamId } from '@tidemark/core'
import { Order } from '@tidemark/depot/domain'
import { sayWhyNot, usePerform } from '../commands/perform.ts'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { texts } from '../texts.ts'
import { emptyLine, readLine, type LineErrors } from './line-draft.ts'
import { LineFields } from './line-fields.tsx'

export function AddLineDialog({
  stream,
  onClose,
}: {
  readonly stream: StreamId
  readonly onClose: () => void
}): ReactNode {
  const perform = usePerform()
  const [line, setLine] = useState(emptyLine)
  const [errors, setErrors] = useState<LineErrors>({})
  const [problem, setProblem] = useState<string>()
  const add = async (): Promise<void> => {
    const read = readLine(line)
    setErrors(read.ok ? {} : read.errors)
    if (!read.ok) return
    const performed = await perform(Order.commands.addLine, stream, read.line)
    if (performed.kind === 'done') onClose()
    else setProblem(sayWhyNot(performed))
  }
  return (
    <Dialog title={texts.order.addLine} onClose={onClose}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <LineFields line={line} errors={errors} onLine={setLine} autoFocus stacked />
        <p role="alert" className="text-sm text-bad empty:hidden">
          {problem}
        </p>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button look="primary" type="submit">
            {texts.order.addLine}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
