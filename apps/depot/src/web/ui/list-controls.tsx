import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import { texts } from '../texts.ts'
import { inputClass } from './field.tsx'

interface ChipsProps<Value extends string> {
  readonly label: string
  readonly value: Value | undefined
  readonly options: readonly { readonly value: Value | undefined; readonly label: string }[]
  readonly onValue: (value: Value | undefined) => void
}

/** One of few, at a glance. */
export function Chips<Value extends string>({ label, value, options, onValue }: ChipsProps<Value>): ReactNode {
  return (
    <div role="group" aria-label={label} className="flex flex-wrap gap-1.5">
      {options.map((option) => (
        <button
          key={option.label}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onValue(option.value)}
          className={clsx(
            'min-h-8 rounded-full border px-3 text-sm font-medium transition-colors pointer-coarse:min-h-11',
            option.value === value
              ? 'border-accent bg-accent-wash text-accent'
              : 'border-line bg-surface text-soft hover:border-edge hover:text-ink',
          )}
        >
          {option.label}
        </button>
      ))}
    </div>
  )
}

interface SortSelectProps<Value extends string> {
  readonly value: Value
  readonly options: readonly { readonly value: Value; readonly label: string }[]
  readonly onValue: (value: Value) => void
}

export function SortSelect<Value extends string>({ value, options, onValue }: SortSelectProps<Value>): ReactNode {
  return (
    <label className="flex items-center gap-2 text-sm">
      <span className="whitespace-nowrap text-soft max-sm:sr-only">{texts.sort}</span>
      <select
        value={value}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value)
          if (chosen !== undefined) onValue(chosen.value)
        }}
        className={clsx(inputClass, 'w-auto pr-2')}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  )
}
