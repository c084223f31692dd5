import { useEffect, useState, type ReactNode } from 'react'
import { Plus, Trash2 } from 'lucide-react'
import { Link, useLocation } from 'wouter'
import { Order, type OrderLine } from '@tidemark/depot/domain'
import { useAllows, useClient } from '@tidemark/react'
import { sayWhyNot, usePerform } from '../commands/perform.ts'
import { subjectOf } from '../commands/describe.ts'
import { formatMoney } from '../format.ts'
import { Button, buttonClass, IconButton } from '../ui/button.tsx'
import { Screen } from '../ui/screen.tsx'
import { texts } from '../texts.ts'
import { words } from '../words.ts'
import { CustomerFields } from './customer-fields.tsx'
import { emptyLine, isBlank, readLine, type LineDraft, type LineErrors } from './line-draft.ts'
import { LineFields } from './line-fields.tsx'
import { dropDraft, emptyDraft, loadDraft, saveDraft } from './order-draft.ts'
import { orderNumber } from './order-number.ts'

type Errors = Readonly<Record<string, LineErrors>>

export function NewOrderScreen(): ReactNode {
  const client = useClient()
  const perform = usePerform()
  const [, navigate] = useLocation()
  const mayPlace = useAllows(Order.commands.place)
  const [draft, setDraft] = useState(() => loadDraft(sessionStorage))
  const [nameError, setNameError] = useState<string>()
  const [lineErrors, setLineErrors] = useState<Errors>({})
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  useEffect(() => saveDraft(sessionStorage, draft), [draft])

  const changeLine = (line: LineDraft): void =>
    setDraft((now) => ({ ...now, lines: now.lines.map((each) => (each.id === line.id ? line : each)) }))

  const place = async (): Promise<void> => {
    const filled = draft.lines.filter((line) => !isBlank(line)).map((line) => ({ id: line.id, read: readLine(line) }))
    const wrong = Object.fromEntries(filled.flatMap(({ id, read }) => (read.ok ? [] : [[id, read.errors]])))
    const missing = draft.lastName.trim() === '' ? texts.fieldProblems.text : undefined
    setLineErrors(wrong)
    setNameError(missing)
    setProblem(undefined)
    if (missing !== undefined || Object.keys(wrong).length > 0) return setProblem(words.problems.invalid)
    const lines: readonly OrderLine[] = filled.flatMap(({ read }) => (read.ok ? [read.line] : []))
    const stream = client.newStream(Order)
    const customer = { firstName: draft.firstName.trim(), lastName: draft.lastName.trim() }
    const input = { number: orderNumber(stream), customer, country: draft.country.trim(), note: draft.note.trimEnd() }
    const placed = await perform(Order.commands.place, stream, input)
    if (placed.kind !== 'done') return setProblem(sayWhyNot(placed))
    // From here the order exists: what is left of a failure is shown on the order itself.
    for (const line of lines) await client.dispatch(Order.commands.addLine, { stream, input: line })
    dropDraft(sessionStorage)
    navigate(`/orders/${subjectOf(stream).key}`)
  }

  if (!mayPlace) {
    return (
      <Screen title={texts.orders.new}>
        <p className="px-4 text-sm text-soft sm:px-6">{words.problems.forbidden}</p>
      </Screen>
    )
  }
  const total = draft.lines.reduce((sum, line) => {
    const read = readLine(line)
    return sum + (read.ok ? read.line.quantity * read.line.unitPrice : 0)
  }, 0)
  return (
    <Screen title={texts.orders.new} subtitle={texts.newOrder.lead}>
      <form
        noValidate
        className="mx-4 flex max-w-3xl flex-col gap-4 sm:mx-6"
        onSubmit={(event) => {
          event.preventDefault()
          setBusy(true)
          void place().finally(() => setBusy(false))
        }}
      >
        <CustomerFields draft={draft} nameError={nameError} onDraft={setDraft} />
        <section aria-labelledby="new-lines" className="rounded-2xl border border-line bg-surface p-4 sm:p-5">
          <h2 id="new-lines" className="mb-3 text-sm font-semibold">
            {texts.order.lines}
          </h2>
          <ul className="flex flex-col gap-4">
            {draft.lines.map((line, index) => (
              <li
                key={line.id}
                aria-label={texts.newOrder.line(index + 1)}
                className="flex items-start gap-2 max-sm:border-b max-sm:border-line max-sm:pb-4"
              >
                <div className="min-w-0 flex-1">
                  <LineFields line={line} errors={lineErrors[line.id] ?? {}} onLine={changeLine} />
                </div>
                <IconButton
                  className="mt-6"
                  label={texts.newOrder.removeLine(index + 1)}
                  onClick={() =>
                    setDraft((now) => ({ ...now, lines: now.lines.filter((each) => each.id !== line.id) }))
                  }
                >
                  <Trash2 size={17} aria-hidden />
                </IconButton>
              </li>
            ))}
          </ul>
          <div className="mt-4 flex items-center justify-between gap-3">
            <Button
              icon={<Plus size={16} aria-hidden />}
              onClick={() => setDraft((now) => ({ ...now, lines: [...now.lines, emptyLine()] }))}
            >
              {texts.order.addLine}
            </Button>
            <p className="text-sm text-soft">
              {texts.order.total}{' '}
              <span className="ml-1 text-base font-semibold text-ink tabular-nums">{formatMoney(total)}</span>
            </p>
          </div>
        </section>
        <p role="alert" className="text-sm text-bad empty:hidden">
          {problem}
        </p>
        <div className="flex flex-wrap justify-end gap-2">
          <Button look="quiet" onClick={() => setDraft(emptyDraft())}>
            {texts.newOrder.clear}
          </Button>
          <Link href="/orders" className={buttonClass()}>
            {texts.newOrder.later}
          </Link>
          <Button look="primary" type="submit" disabled={busy}>
            {texts.newOrder.place}
          </Button>
        </div>
      </form>
    </Screen>
  )
}
