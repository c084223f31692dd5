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
import { texts } from '../texts.ts'
import { LineRow } from './line-row.tsx'

const { changeQuantity, removeLine, return: giveBack } = Order.commands

export function LineTable({ stream, order }: { readonly stream: StreamId; readonly order: OrderState }): ReactNode {
  const perform = usePerform()
  const [returning, setReturning] = useState<string>()
  const mayEdit = useAllows(changeQuantity) && order.status === 'open'
  const mayReturn = useAllows(giveBack) && order.status === 'shipped'
  const lines = Object.entries(order.lines)
  if (lines.length === 0) {
    return <Empty icon={<PackageOpen size={22} aria-hidden />} title={texts.order.noLines} />
  }
  const act = async (command: typeof changeQuantity | typeof removeLine, input: unknown): Promise<boolean> => {
    const performed = await perform(command, stream, input)
    if (performed.kind !== 'done') addToast({ text: sayWhyNot(performed), tone: 'bad' })
    return performed.kind === 'done'
  }
  const { columns } = texts.order
  return (
    <>
      <table aria-label={texts.order.lines} className="w-full table-fixed text-sm">
        <thead>
          <tr className="text-xs text-soft">
            <th scope="col" className="px-4 py-2 text-left font-medium sm:px-5">
              {columns.product}
            </th>
            <th scope="col" className="w-20 px-1 py-2 text-right font-medium sm:w-24 sm:px-2">
              {columns.quantity}
            </th>
            <th scope="col" className="w-24 px-2 py-2 text-right font-medium max-sm:hidden">
              {columns.price}
            </th>
            <th scope="col" className="w-20 px-2 py-2 text-right font-medium sm:w-24">
              {columns.total}
            </th>
            <th scope="col" className="w-13 px-1 py-2 sm:w-20">
              <span className="sr-only">{columns.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([id, line]) => (
            <LineRow
              key={id}
              id={id}
              line={line}
              onQuantity={mayEdit ? (quantity) => act(changeQuantity, { line: id, quantity }) : undefined}
              onRemove={mayEdit ? () => void act(removeLine, { line: id }) : undefined}
              onReturn={mayReturn && line.returned < line.quantity ? () => setReturning(id) : undefined}
            />
          ))}
        </tbody>
        <tfoot>
          <tr className="border-t border-line">
            <th scope="row" colSpan={2} className="px-4 py-3 text-left font-medium text-soft sm:px-5">
              {texts.order.total}
            </th>
            <td colSpan={2} className="px-2 py-3 text-right text-base font-semibold tabular-nums" data-testid="order-total">
              {formatMoney(orderTotal(order))}
            </td>
            <td className="max-sm:hidden" />
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
