import { useState, type ReactNode } from 'react'
import { Button } from '../ui/button.tsx'
import { texts } from '../texts.ts'

const STEP = 100

interface OutboxListProps<Item> {
  readonly items: readonly Item[]
  readonly children: (item: Item) => ReactNode
}

/** A long list a step at a time: a day offline can leave hundreds. */
export function OutboxList<Item>({ items, children }: OutboxListProps<Item>): ReactNode {
  const [shown, setShown] = useState(STEP)
  return (
    <>
      <ul className="overflow-hidden rounded-2xl border border-line bg-surface">
        {items.slice(0, shown).map(children)}
      </ul>
      {items.length > shown && (
        <div className="mt-3 flex justify-center">
          <Button onClick={() => setShown(shown + STEP)}>{texts.showMore(items.length - shown)}</Button>
        </div>
      )}
    </>
  )
}
