import type { ReactNode } from 'react'
import { Product } from '@tidemark/depot/domain'
import { useClient } from '@tidemark/react'
import { CommandDialog } from '../commands/command-dialog.tsx'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'

const { adjust, receive, release, reserve } = Product.commands
const COMMANDS = { receive, adjust, reserve, release } as const
export type StockAction = keyof typeof COMMANDS
const ACTIONS: readonly StockAction[] = ['receive', 'adjust', 'reserve', 'release']
/** What a list row has room for; the product's own screen has all. */
const SHORT: readonly StockAction[] = ['receive', 'adjust', 'reserve']

interface StockButtonsProps {
  readonly name: string
  readonly short?: boolean
  readonly onAction: (action: StockAction) => void
}

export function StockButtons({ name, short = false, onAction }: StockButtonsProps): ReactNode {
  const client = useClient()
  return (short ? SHORT : ACTIONS)
    .filter((action) => client.allows(COMMANDS[action]))
    .map((action) => (
      <Button
        key={action}
        look={short ? 'quiet' : action === 'receive' ? 'primary' : 'plain'}
        className={short ? 'min-h-8 px-2.5 text-soft hover:text-ink' : undefined}
        aria-label={short ? texts.stock.actionOn(texts.stock.actions[action], name) : undefined}
        onClick={() => onAction(action)}
      >
        {texts.stock.actions[action]}
      </Button>
    ))
}

interface StockDialogProps {
  readonly code: string
  readonly description: string
  readonly action: StockAction
  readonly onClose: () => void
}

export function StockDialog({ code, description, action, onClose }: StockDialogProps): ReactNode {
  const label = texts.stock.actions[action]
  return (
    <CommandDialog
      title={texts.stock.actionOn(label, description || code)}
      submit={label}
      command={COMMANDS[action]}
      stream={Product.stream(code)}
      onClose={onClose}
    />
  )
}
