import { useState, type ReactNode } from 'react'
import type { StreamId } from '@tidemark/core'
import { Order } from '@tidemark/depot/domain'
import { useAllows } from '@tidemark/react'
import { sayWhyNot, usePerform } from '../commands/perform.ts'
import { Button } from '../ui/button.tsx'
import { LongField } from '../ui/field.tsx'
import { texts } from '../texts.ts'

const { setNote } = Order.commands

/** The note, saved when the person says so. What is being typed is never overwritten by what arrives. */
export function NoteCard({ stream, note }: { readonly stream: StreamId; readonly note: string }): ReactNode {
  const perform = usePerform()
  const may = useAllows(setNote)
  const [draft, setDraft] = useState<{ readonly text: string; readonly from: string }>()
  const [problem, setProblem] = useState<string>()
  const save = async (): Promise<void> => {
    if (draft === undefined) return
    const performed = await perform(setNote, stream, { note: draft.text.trimEnd() })
    setProblem(performed.kind === 'done' ? undefined : sayWhyNot(performed))
    if (performed.kind === 'done') setDraft(undefined)
  }
  const changed = draft !== undefined && draft.text !== note
  return (
    <form
      className="flex flex-col gap-3 rounded-2xl border border-line bg-surface p-4"
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      {may ? (
        <LongField
          label={texts.fields.note}
          rows={5}
          maxLength={2000}
          value={draft?.text ?? note}
          error={problem}
          onText={(text) => setDraft((now) => ({ text, from: now?.from ?? note }))}
        />
      ) : (
        <>
          <h2 className="text-sm font-medium">{texts.fields.note}</h2>
          <p className="text-sm whitespace-pre-wrap text-soft">{note || texts.order.noNote}</p>
        </>
      )}
      {changed && draft.from !== note && <p className="text-sm text-warn">{texts.order.noteMoved(note)}</p>}
      {may && (
        <div className="flex justify-end gap-2">
          {changed && (
            <Button look="quiet" onClick={() => setDraft(undefined)}>
              {texts.order.noteReset}
            </Button>
          )}
          <Button type="submit" look={changed ? 'primary' : 'plain'} disabled={!changed}>
            {texts.order.saveNote}
          </Button>
        </div>
      )}
    </form>
  )
}
