import { useId, useMemo, useState, type KeyboardEvent, type ReactNode } from 'react'
import { clsx } from 'clsx'
import { StockList, type StockRow } from '@tidemark/depot/domain'
import { useRows } from '@tidemark/react'
import { formatCount, formatMoney } from '../format.ts'
import { FieldFrame, inputClass } from '../ui/field.tsx'
import { matchesWords, searchWords } from '../ui/text-match.ts'
import { texts } from '../texts.ts'

const SHOWN = 6

export type PickedProduct = Pick<StockRow, 'code' | 'description' | 'unitPrice'>

interface ProductPickerProps {
  readonly text: string
  readonly error: string | undefined
  /** What is typed: a stock code as long as nothing is picked. */
  readonly onText: (text: string) => void
  readonly onPick: (product: PickedProduct) => void
  readonly autoFocus?: boolean
  /** Makes room for the list instead of covering what is below: inside a dialog there is nowhere to hang it. */
  readonly inline?: boolean
}

/** Finds a product by code or description among those on this device; a code that is not there may be typed as well. */
export function ProductPicker({
  text,
  error,
  onText,
  onPick,
  autoFocus = false,
  inline = false,
}: ProductPickerProps): ReactNode {
  const [open, setOpen] = useState(false)
  const [active, setActive] = useState(0)
  const list = useId()
  const found = useFound(open ? text : undefined)
  const pick = (row: StockRow): void => {
    onPick(row)
    setOpen(false)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = found[active]
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      setOpen(true)
      const step = event.key === 'ArrowDown' ? 1 : -1
      if (found.length > 0) setActive((active + step + found.length) % found.length)
    } else if (event.key === 'Enter' && open && row !== undefined) {
      event.preventDefault()
      pick(row)
    } else if (event.key === 'Escape' && open) {
      // The dialog around it stays open.
      event.preventDefault()
      event.stopPropagation()
      setOpen(false)
    }
  }
  const shown = open && found.length > 0
  return (
    <FieldFrame label={texts.fields.product} error={error} className="relative">
      {({ id, describedBy }) => (
        <>
          <input
            id={id}
            role="combobox"
            aria-expanded={shown}
            aria-controls={list}
            aria-autocomplete="list"
            aria-activedescendant={shown ? `${list}-${active}` : undefined}
            aria-describedby={describedBy}
            aria-invalid={error !== undefined}
            autoComplete="off"
            autoFocus={autoFocus}
            placeholder={texts.picker.placeholder}
            value={text}
            className={inputClass}
            onChange={(event) => {
              onText(event.target.value)
              setActive(0)
              setOpen(true)
            }}
            onFocus={(event) => event.target.select()}
            onBlur={() => setOpen(false)}
            onKeyDown={onKeyDown}
          />
          {shown && (
            <ul
              id={list}
              role="listbox"
              aria-label={texts.picker.list}
              className={clsx(
                'mt-1 overflow-hidden rounded-xl border border-line bg-raised py-1',
                !inline && 'absolute inset-x-0 top-full z-20 shadow-xl',
              )}
            >
              {found.map((row, index) => (
                <Option
                  key={row.code}
                  id={`${list}-${index}`}
                  row={row}
                  active={index === active}
                  onPick={() => pick(row)}
                />
              ))}
            </ul>
          )}
        </>
      )}
    </FieldFrame>
  )
}

interface OptionProps {
  readonly id: string
  readonly row: StockRow
  readonly active: boolean
  readonly onPick: () => void
}

function Option({ id, row, active, onPick }: OptionProps): ReactNode {
  return (
    <li
      id={id}
      role="option"
      aria-selected={active}
      // Not click: the field would lose focus first and close the list.
      onPointerDown={(event) => {
        event.preventDefault()
        onPick()
      }}
      className={clsx('flex min-h-11 cursor-pointer items-center gap-3 px-3 py-1 text-sm', active && 'bg-accent-wash')}
    >
      <span className="min-w-0 flex-1">
        <span className="block truncate">{row.description || row.code}</span>
        <span className="block text-xs text-soft">{`${row.code} · ${texts.picker.free(formatCount(row.free))}`}</span>
      </span>
      <span className="text-soft tabular-nums">{formatMoney(row.unitPrice)}</span>
    </li>
  )
}

const nothing = (): boolean => false

function useFound(text: string | undefined): readonly StockRow[] {
  const filter = useMemo(() => {
    if (text === undefined) return nothing
    const words = searchWords(text)
    return (row: StockRow) => matchesWords(words, [row.code, row.description])
  }, [text])
  const { rows } = useRows(StockList, { index: 'byDescription', filter, limit: text === undefined ? 1 : SHOWN })
  return useMemo(() => (text === undefined ? [] : rows.map(({ row }) => row)), [rows, text])
}
