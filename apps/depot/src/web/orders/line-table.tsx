import { useState, type ReactNode } from 'react'
import { PackageOpen } from 'lucide-react'
import type { StreamId } from '@tidemark/core'
import { Order, orderTotal, type OrderState } from '@tidemark/depot/domain'
import { useAllows } from '@tidemark/react'
import { CommandDialog } from '../commands/command-dialog.tsx'
import { sayWhyNot, usePerform } from '../commands/perform.ts'
import { formatMoney } from '../format.ts'
import { Empty } from '../ui/screen.tsx'
import { addToast } from '../ui/toasts.ts'
import { useIsNarrow } from '../ui/use-media.ts'
import { texts } from '../texts.ts'
import { OrderLineGroup } from './order-line.tsx'

const { askForStock, changeQuantity, removeLine, return: giveBack } = Order.commands

export function LineTable({ stream, order }: { readonly stream: StreamId; readonly order: OrderState }): ReactNode {
  const perform = usePerform()
  const narrow = useIsNarrow()
  const [returning, setReturning] = useState<string>()
  const mayEdit = useAllows(changeQuantity) && order.status === 'open'
  const mayAsk = useAllows(askForStock) && order.status === 'open'
  const mayReturn = useAllows(giveBack) && order.status === 'shipped'
  const lines = Object.entries(order.lines)
  if (lines.length === 0) {
    return <Empty icon={<PackageOpen size={22} aria-hidden />} title={texts.order.noLines} />
  }
  const act = async (
    command: typeof askForStock | typeof changeQuantity | typeof removeLine,
    input: unknown,
  ): Promise<void> => {
    const performed = await perform(command, stream, input)
    if (performed.kind !== 'done') addToast({ text: sayWhyNot(performed), tone: 'bad' })
  }
  return (
    <>
      <table aria-label={texts.order.lines} className="w-full table-fixed text-sm">
        <Head narrow={narrow} />
        {lines.map(([id, line]) => (
          <OrderLineGroup
            key={id}
            id={id}
            line={line}
            narrow={narrow}
            short={order.short[id]}
            onAskForStock={mayAsk ? () => void act(askForStock, { line: id }) : undefined}
            onQuantity={mayEdit ? (quantity) => act(changeQuantity, { line: id, quantity }) : undefined}
            onRemove={mayEdit ? () => void act(removeLine, { line: id }) : undefined}
            onReturn={mayReturn && line.returned < line.quantity ? () => setReturning(id) : undefined}
          />
        ))}
        <tfoot>
          <tr className="border-t border-line">
            <th scope="row" colSpan={narrow ? 2 : 3} className="px-4 py-3 text-left font-medium text-soft sm:px-5">
              {texts.order.total}
            </th>
            <td className="px-2 py-3 text-right text-base font-semibold tabular-nums" data-testid="order-total">
              {formatMoney(orderTotal(order))}
            </td>
            <td />
          </tr>
        </tfoot>
      </table>
      {returning !== undefined && (
        <CommandDialog
          title={texts.order.returnTitle}
          submit={texts.order.return}
          command={giveBack}
          stream={stream}
          initial={{ line: returning, quantity: 1, reason: '' }}
          onClose={() => setReturning(undefined)}
        />
      )}
    </>
  )
}

/** On a phone the product stands above its figures, so its column is gone. */
function Head({ narrow }: { readonly narrow: boolean }): ReactNode {
  const { columns } = texts.order
  const cell = 'px-2 py-2 font-medium'
  return (
    <thead>
      <tr className="text-xs text-soft">
        {!narrow && (
          <th scope="col" className="px-5 py-2 text-left font-medium">
            {columns.product}
          </th>
        )}
        <th scope="col" className={narrow ? 'w-24 py-2 pl-4 text-left font-medium' : `${cell} w-24 text-right`}>
          {columns.quantity}
        </th>
        <th scope="col" className={`${cell} text-right ${narrow ? '' : 'w-24'}`}>
          {columns.price}
        </th>
        <th scope="col" className={`${cell} text-right ${narrow ? '' : 'w-28'}`}>
          {columns.total}
        </th>
        <th scope="col" className="w-14 px-2 py-2">
          <span className="sr-only">{columns.actions}</span>
        </th>
      </tr>
    </thead>
  )
}
