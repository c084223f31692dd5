import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { clsx } from 'clsx'

type Look = 'primary' | 'plain' | 'quiet' | 'danger'

const LOOKS: Readonly<Record<Look, string>> = {
  primary: 'bg-accent text-accent-ink hover:bg-accent-strong',
  plain: 'bg-surface text-ink border border-edge/50 hover:bg-sunken',
  quiet: 'hover:bg-sunken',
  danger: 'text-bad border border-bad/50 hover:bg-bad-wash',
}

/** Classes of a button, for links that act like one. 44 px under a finger, 36 px under a mouse. */
export function buttonClass(look: Look = 'plain', extra?: string): string {
  return clsx(
    'inline-flex items-center justify-center gap-2 rounded-lg px-3.5 text-sm font-medium whitespace-nowrap select-none',
    'min-h-9 pointer-coarse:min-h-11 transition-colors disabled:opacity-55 disabled:cursor-not-allowed',
    LOOKS[look],
    extra,
  )
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: Look
  readonly icon?: ReactNode
}

export function Button({
  look = 'plain',
  icon,
  className,
  children,
  type = 'button',
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button type={type} className={buttonClass(look, className)} {...rest}>
      {icon}
      {children}
    </button>
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** Accessible name; also the tooltip. */
  readonly label: string
}

export function IconButton({ label, className, children, type = 'button', ...rest }: IconButtonProps): ReactNode {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={clsx(
        'inline-flex size-8 items-center justify-center rounded-lg text-soft transition-colors hover:bg-sunken hover:text-ink',
        'pointer-coarse:size-11 disabled:opacity-55',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  )
}
