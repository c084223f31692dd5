import { useState, type ReactNode } from 'react'
import { Plus, Truck } from 'lucide-react'
import type { StreamId } from '@tidemark/core'
import { Order, type OrderState } from '@tidemark/depot/domain'
import { useAllows } from '@tidemark/react'
import { CommandDialog } from '../commands/command-dialog.tsx'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'
import { AddLineDialog } from './add-line-dialog.tsx'

const { addLine, cancel, changeCustomer, ship } = Order.commands

/** What this person may do with the order as it is now. */
export function OrderActions({ stream, order }: { readonly stream: StreamId; readonly order: OrderState }): ReactNode {
  const [open, setOpen] = useState<'line' | 'ship' | 'cancel' | 'customer'>()
  const mayAddLine = useAllows(addLine)
  const mayShip = useAllows(ship)
  const mayCancel = useAllows(cancel)
  const mayChangeCustomer = useAllows(changeCustomer)
  const close = (): void => setOpen(undefined)
  const { order: text } = texts
  const dialogs = (
    <>
      {open === 'line' && <AddLineDialog stream={stream} onClose={close} />}
      {open === 'ship' && (
        <CommandDialog
          title={text.shipTitle(order.number)}
          submit={text.ship}
          command={ship}
          stream={stream}
          initial={{ carrier: 'Royal Mail' }}
          onClose={close}
        />
      )}
      {open === 'cancel' && (
        <CommandDialog
          title={text.cancelTitle(order.number)}
          submit={text.cancel}
          command={cancel}
          stream={stream}
          onClose={close}
        />
      )}
      {open === 'customer' && (
        <CommandDialog
          title={text.changeCustomer}
          submit={text.changeCustomer}
          command={changeCustomer}
          stream={stream}
          initial={{ customer: order.customer }}
          onClose={close}
        />
      )}
    </>
  )
  // The dialog outlives the status that offered it: whoever is typing learns from the answer, not from a vanished form.
  if (order.status !== 'open') return dialogs
  return (
    <div className="grid w-full grid-cols-2 gap-2 sm:flex sm:w-auto">
      {mayCancel && (
        <Button look="danger" onClick={() => setOpen('cancel')}>
          {text.cancel}
        </Button>
      )}
      {mayChangeCustomer && <Button onClick={() => setOpen('customer')}>{text.changeCustomer}</Button>}
      {mayAddLine && (
        <Button icon={<Plus size={16} aria-hidden />} onClick={() => setOpen('line')}>
          {text.addLine}
        </Button>
      )}
      {mayShip && (
        <Button look="primary" icon={<Truck size={16} aria-hidden />} onClick={() => setOpen('ship')}>
          {text.ship}
        </Button>
      )}
      {dialogs}
    </div>
  )
}
