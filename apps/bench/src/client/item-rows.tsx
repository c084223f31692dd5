import { memo, type ReactNode } from 'react'
import type { Item } from './item.ts'

export const LIST = 'items'

export function ItemRows({ items }: { readonly items: readonly Item[] }): ReactNode {
  return (
    <ul id={LIST}>
      {items.map((item) => (
        <ItemRow key={item.id} id={item.id} title={item.title} note={item.note} />
      ))}
    </ul>
  )
}

const ItemRow = memo(function ItemRow(props: Omit<Item, 'updatedAt'>): ReactNode {
  return (
    <li data-id={props.id} data-title={props.title}>
      <span>{props.title}</span>
      <span className="note">{props.note}</span>
    </li>
  )
})
