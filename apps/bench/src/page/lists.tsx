import type { Live, RowsSnapshot, TidemarkClient } from '@tidemark/client'
import { Order, OrderList, type OrderRow } from '@tidemark/depot/domain'
import { useRows } from '@tidemark/react'
import { useEffect, useState, type ReactNode } from 'react'
import type { MeasurePage, PaintSamples } from './measure-page.ts'
import { IN_VIEW, OrderRows, type Row } from './order-list.tsx'
import { nextPaint, timeToPaint } from './painted.ts'

/** The handle on the list that is nothing but React state. */
export interface BareList {
  replace: ((change: (rows: readonly Row[]) => readonly Row[]) => void) | undefined
}

const QUERY = { index: 'recent' } as const
const SYNCED = 'synced-list'
const BARE = 'bare-list'

export function SyncedList(): ReactNode {
  return <OrderRows id={SYNCED} rows={useRows(OrderList, QUERY).rows} />
}

export function BareReactList({ bare }: { readonly bare: BareList }): ReactNode {
  const [rows, setRows] = useState<readonly Row[]>([])
  useEffect(() => {
    bare.replace = setRows
  }, [bare])
  return <OrderRows id={BARE} rows={rows} />
}

export function createMeasurePage(client: TidemarkClient, bare: BareList): MeasurePage {
  const rows = client.rows(OrderList, QUERY)
  const painted: Record<string, number> = {}
  const keyOf = (order: number): string => rowAt(rows, order).key

  const setNote = async (key: string, note: string): Promise<void> => {
    const result = await client.dispatch(Order.commands.setNote, { stream: key, input: { note } })
    if (result.kind !== 'stored') throw new Error(`The dispatch ended with ${JSON.stringify(result)}.`)
  }

  return {
    ready: async (orders) => {
      await until(
        (changed) => [rows.subscribe(changed), client.status.subscribe(changed)],
        () => rows.get().rows.length === orders && client.status.get().connection === 'live',
      )
      bare.replace?.(() => rows.get().rows)
      await nextPaint()
    },

    samplePaint: async (samples): Promise<PaintSamples> => {
      const tidemark: number[] = []
      const plain: number[] = []
      for (let sample = 0; sample < samples; sample += 1) {
        const key = keyOf(sample % IN_VIEW)
        const note = `sample ${sample}`
        await anyMoment()
        let stored = Promise.resolve()
        tidemark.push(await timeToPaint(noteCell(SYNCED, key), () => void (stored = setNote(key, note))))
        await stored
        await anyMoment()
        const change = (all: readonly Row[]): readonly Row[] =>
          all.map((row) => (row.key === key ? { ...row, row: { ...row.row, note } } : row))
        plain.push(await timeToPaint(noteCell(BARE, key), () => bare.replace?.(change)))
      }
      return { tidemark, bare: plain }
    },

    dispatchNote: async (order, note) => {
      const key = keyOf(order % IN_VIEW)
      const at = performance.timeOrigin + performance.now()
      await setNote(key, note)
      return at
    },

    watchNotes: (prefix) => {
      const list = document.getElementById(SYNCED)
      if (list === null) throw new Error('The synced list is not there.')
      new MutationObserver((changes) => {
        const notes = changes.map(({ target }) => target.textContent ?? '').filter((text) => text.startsWith(prefix))
        void nextPaint().then(() => {
          const now = performance.timeOrigin + performance.now()
          for (const note of notes) painted[note] ??= now
        })
      }).observe(list, { characterData: true, childList: true, subtree: true })
    },

    paintedNotes: () => painted,
  }
}

function rowAt(rows: Live<RowsSnapshot<OrderRow>>, order: number): Row {
  const row = rows.get().rows[order]
  if (row === undefined) throw new Error(`There is no order ${order}.`)
  return row
}

function noteCell(list: string, key: string): Element {
  const cell = document.querySelector(`#${list} li[data-key="${key}"] .note`)
  if (cell === null) throw new Error(`${list} does not show ${key}.`)
  return cell
}

/** Waits until a change of what is watched makes the condition hold. */
async function until(watch: (changed: () => void) => readonly (() => void)[], holds: () => boolean): Promise<void> {
  let stops: readonly (() => void)[] = []
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (holds()) resolve()
    }
    stops = watch(look)
    look()
  })
  for (const stop of stops) stop()
}

/** Any phase of a frame is as likely as another; a change that always came right after a paint would look slow. */
function anyMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 33))
}
