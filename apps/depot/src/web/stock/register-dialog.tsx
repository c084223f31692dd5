import type { ReactNode } from 'react'
import { isStreamKey } from '@tidemark/core'
import { Product } from '@tidemark/depot/domain'
import { commandFields, toInput, type Field } from '../commands/fields.ts'
import { FieldsForm } from '../commands/fields-form.tsx'
import { usePerform } from '../commands/perform.ts'
import { Dialog } from '../ui/dialog.tsx'
import { texts } from '../texts.ts'

const { register } = Product.commands
const code: Field = { path: 'code', label: texts.fields.code, kind: 'text' }
const inputFields = commandFields[register.type] ?? []
const fields = [code, ...inputFields]

/** A new product. Its code names its stream, so it is asked for together with the command's own fields. */
export function RegisterDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const perform = usePerform()
  return (
    <Dialog title={texts.stock.register} onClose={onClose}>
      <FieldsForm
        fields={fields}
        initial={{}}
        submit={texts.stock.register}
        onSubmit={async (values) => {
          const key = (values[code.path] ?? '').trim()
          if (!isStreamKey(key)) return { kind: 'invalid', issues: [{ path: code.path, message: '' }] }
          return await perform(register, Product.stream(key), toInput(inputFields, values, undefined))
        }}
        onDone={onClose}
        onCancel={onClose}
      />
    </Dialog>
  )
}
