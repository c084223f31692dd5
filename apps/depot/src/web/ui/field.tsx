import { useId, type InputHTMLAttributes, type ReactNode, type TextareaHTMLAttributes } from 'react'
import { clsx } from 'clsx'
import { texts } from '../texts.ts'

export const inputClass =
  'w-full rounded-lg border border-edge/60 bg-surface px-3 text-sm text-ink placeholder:text-soft min-h-9 pointer-coarse:min-h-11 pointer-coarse:text-base aria-invalid:border-bad'

interface FrameProps {
  readonly label: string
  readonly error?: string | undefined
  readonly optional?: boolean | undefined
  readonly className?: string | undefined
  readonly children: (ids: { readonly id: string; readonly describedBy: string | undefined }) => ReactNode
}

/** Label, control and what is wrong with it, tied together. */
export function FieldFrame({ label, error, optional, className, children }: FrameProps): ReactNode {
  const id = useId()
  const errorId = `${id}-error`
  return (
    <div className={clsx('min-w-0', className)}>
      <div className="mb-1 flex items-baseline justify-between gap-2 text-sm">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {optional === true && <span className="text-xs text-soft">{texts.optional}</span>}
      </div>
      {children({ id, describedBy: error === undefined ? undefined : errorId })}
      {error !== undefined && (
        <p id={errorId} className="mt-1 text-sm text-bad">
          {error}
        </p>
      )}
    </div>
  )
}

interface Common {
  readonly label: string
  readonly error?: string | undefined
  readonly optional?: boolean | undefined
  readonly onText: (text: string) => void
}

type TextProps = Common &
  Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'onInput'> & {
    readonly suggestions?: readonly string[] | undefined
  }

export function TextField({ label, error, optional, onText, suggestions, className, ...rest }: TextProps): ReactNode {
  const list = useId()
  return (
    <FieldFrame label={label} error={error} optional={optional} className={className}>
      {({ id, describedBy }) => (
        <>
          <input
            id={id}
            aria-describedby={describedBy}
            aria-invalid={error !== undefined}
            autoComplete="off"
            list={suggestions === undefined ? undefined : list}
            className={inputClass}
            onChange={(event) => onText(event.target.value)}
            {...rest}
          />
          {suggestions !== undefined && (
            <datalist id={list}>
              {suggestions.map((suggestion) => (
                <option key={suggestion} value={suggestion} />
              ))}
            </datalist>
          )}
        </>
      )}
    </FieldFrame>
  )
}

type LongProps = Common & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'onChange' | 'onInput'>

export function LongField({ label, error, optional, onText, className, ...rest }: LongProps): ReactNode {
  return (
    <FieldFrame label={label} error={error} optional={optional} className={className}>
      {({ id, describedBy }) => (
        <textarea
          id={id}
          aria-describedby={describedBy}
          aria-invalid={error !== undefined}
          rows={3}
          className={clsx(inputClass, 'block resize-y py-2 leading-relaxed')}
          onChange={(event) => onText(event.target.value)}
          {...rest}
        />
      )}
    </FieldFrame>
  )
}
