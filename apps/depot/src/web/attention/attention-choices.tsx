import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import type { Attention, Resolution, ResolveResult } from '@tidemark/client'
import { chooseFields } from '@tidemark/core'
import { Order, OrderLine } from '@tidemark/depot/domain'
import { commandFields, toInput, toValues } from '../commands/fields.ts'
import { FieldsForm } from '../commands/fields-form.tsx'
import { sayWhyNot, toPerformed } from '../commands/perform.ts'
import { penceToField } from '../format.ts'
import { emptyLine } from '../orders/line-draft.ts'
import { emptyDraft, saveDraft } from '../orders/order-draft.ts'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { texts } from '../texts.ts'
import { mergeInput, suitsBoth } from './merge-input.ts'

export type Resolve = (attentionId: string, resolution: Resolution) => Promise<ResolveResult>

interface AttentionChoicesProps {
  readonly item: Attention
  readonly resolve: Resolve
}

/** The ways on. Nothing leaves the list without one of them, and none of them loses what was entered unasked. */
export function AttentionChoices({ item, resolve }: AttentionChoicesProps): ReactNode {
  const [editing, setEditing] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  const { attention: text } = texts
  const fields = commandFields[item.type] ?? []
  const conflict = item.reason.kind === 'conflict'
  const merge = mergeInput(item)
  // What both changed is shown as it was entered, with theirs beside it; what only they changed is taken over.
  const mine = merge?.conflicts.map(({ path }) => [path, 'mine'] as const)
  const prefilled = merge === undefined ? item.input : chooseFields(merge, Object.fromEntries(mine ?? [])).value
  const decide = async (resolution: Resolution): Promise<void> => {
    setBusy(true)
    const performed = toPerformed(await resolve(item.id, resolution))
    setBusy(false)
    setProblem(performed.kind === 'done' ? undefined : sayWhyNot(performed))
  }
  return (
    <footer className="border-t border-line bg-sunken/50 px-4 py-3 sm:px-5">
      <p role="alert" className="mb-2 text-sm text-bad empty:hidden">
        {problem}
      </p>
      <div className="flex flex-wrap gap-2">
        {conflict && (
          <>
            {suitsBoth(merge) && (
              <Button look="primary" disabled={busy} onClick={() => void decide({ kind: 'edit', input: merge.value })}>
                {text.keepBoth}
              </Button>
            )}
            <Button
              look={suitsBoth(merge) ? 'plain' : 'primary'}
              disabled={busy}
              onClick={() => void decide({ kind: 'retry' })}
            >
              {text.keepMine}
            </Button>
            <Button disabled={busy} onClick={() => void decide({ kind: 'take-theirs' })}>
              {text.takeTheirs}
            </Button>
          </>
        )}
        {fields.length > 0 && (
          <Button look={conflict ? 'plain' : 'primary'} disabled={busy} onClick={() => setEditing(true)}>
            {text.edit}
          </Button>
        )}
        {!conflict && (
          <Button disabled={busy} onClick={() => void decide({ kind: 'retry' })}>
            {text.retry}
          </Button>
        )}
        <Rescue item={item} />
        <Button look="danger" disabled={busy} className="sm:ml-auto" onClick={() => void decide({ kind: 'discard' })}>
          {text.discard}
        </Button>
      </div>
      {conflict && item.blocked.length > 0 && (
        <p className="mt-2 text-xs text-soft">{text.theirsDropsAll(item.blocked.length)}</p>
      )}
      {editing && (
        <Dialog title={text.edit} onClose={() => setEditing(false)}>
          <FieldsForm
            fields={fields}
            initial={toValues(fields, prefilled)}
            theirs={merge === undefined ? undefined : toValues(fields, merge.value)}
            submit={text.edit}
            onSubmit={async (values) =>
              toPerformed(await resolve(item.id, { kind: 'edit', input: toInput(fields, values, item.input) }))
            }
            onDone={() => setEditing(false)}
            onCancel={() => setEditing(false)}
          />
        </Dialog>
      )}
    </footer>
  )
}

/** The order was closed under a new line: the line may start an order of its own. */
function Rescue({ item }: AttentionChoicesProps | { readonly item: Attention }): ReactNode {
  const [, navigate] = useLocation()
  const { reason } = item
  const closed = (reason.kind === 'refused' || reason.kind === 'no-longer-holds') && reason.code === 'not_open'
  const line = item.type === Order.commands.addLine.type ? OrderLine.safeParse(item.input) : undefined
  if (!closed || line?.success !== true) return null
  const { product, description, quantity, unitPrice } = line.data
  return (
    <Button
      onClick={() => {
        const filled = {
          ...emptyLine(),
          product,
          description,
          quantity: String(quantity),
          unitPrice: penceToField(unitPrice),
        }
        saveDraft(sessionStorage, { ...emptyDraft(), lines: [filled] })
        navigate('/orders/new')
      }}
    >
      {texts.attention.newOrder}
    </Button>
  )
}
