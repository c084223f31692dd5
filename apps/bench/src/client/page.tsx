import { createRoot } from 'react-dom/client'
import { IN_VIEW, itemAt, itemsFrom } from './item.ts'
import { LIST } from './item-rows.tsx'
import type { ClientPage, Peer, PeerName } from './peer.ts'

/** `?peer=…&name=…`: one library, one database. A library is loaded only where it is the one that is asked for. */
const OPEN: Readonly<Record<PeerName, (name: string) => Promise<Peer>>> = {
  tidemark: async (name) => (await import('./peers/tidemark.tsx')).openTidemark(name),
  dexie: async (name) => (await import('./peers/dexie.tsx')).openDexie(name),
  replicache: async (name) => (await import('./peers/replicache.tsx')).openReplicache(name),
  tanstack: async (name) => (await import('./peers/tanstack.tsx')).openTanstack(name),
}

let firstRowAt: number | null = null
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root element.')
const seen = new MutationObserver(() => {
  if (document.querySelector(`#${LIST} li`) === null) return
  firstRowAt = performance.now()
  seen.disconnect()
})
seen.observe(root, { childList: true, subtree: true })

const parameters = new URLSearchParams(location.search)
const name = parameters.get('name') ?? 'bench'
const peer = await OPEN[parameters.get('peer') as PeerName](`${name}-${parameters.get('peer') ?? ''}`)
createRoot(root).render(<peer.List />)

/** Milliseconds from the call of `change` until the list shows what it leads to. */
function toDom(holds: () => boolean, change: () => Promise<void>): Promise<number> {
  return new Promise((resolve, reject) => {
    const list = document.getElementById(LIST)
    if (list === null) throw new Error('The list is not there.')
    const observer = new MutationObserver(() => {
      if (!holds()) return
      const ms = performance.now() - start
      observer.disconnect()
      kept.then(() => resolve(ms), reject)
    })
    observer.observe(list, { childList: true, characterData: true, subtree: true })
    const start = performance.now()
    const kept = change()
    kept.catch(reject)
  })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** The longest time between two frames while something goes on. */
async function watchFrames<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly longestFrameMs: number }> {
  let longestFrameMs = 0
  let last = performance.now()
  let isOver = false
  const frame = (): void => {
    const now = performance.now()
    longestFrameMs = Math.max(longestFrameMs, now - last)
    last = now
    if (!isOver) requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  const value = await work()
  isOver = true
  return { value, longestFrameMs }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 15))
const rowOf = (id: string): Element | null => document.querySelector(`#${LIST} li[data-id="${id}"]`)
// Some libraries mint the ids of what a person adds.
const rowTitled = (title: string): Element | null => document.querySelector(`#${LIST} li[data-title="${title}"]`)
function offered<T>(what: T | undefined): T {
  if (what === undefined) throw new Error('This peer does not do that.')
  return what
}

const page: ClientPage = {
  firstRowAt: () => firstRowAt,
  shows: async (count) => {
    const wanted = Math.min(count, IN_VIEW)
    while (document.querySelectorAll(`#${LIST} li`).length < wanted) {
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
  },
  complete: () => offered(peer.extra?.complete)(),
  receive: (first, count) => {
    const items = itemsFrom(first, count)
    return timed(() => peer.receive(items))
  },
  bulkPut: (first, count) => {
    const items = itemsFrom(first, count)
    return timed(() => offered(peer.extra?.bulkPut)(items))
  },
  insertToDom: async (first, count) => {
    const times: number[] = []
    for (let at = first; at < first + count; at += 1) {
      const item = itemAt(at)
      await pause()
      times.push(
        await toDom(
          () => rowTitled(item.title) !== null,
          () => peer.insert(item),
        ),
      )
    }
    return times
  },
  noteToDom: async (count, note) => {
    const times: number[] = []
    const ids = [...document.querySelectorAll(`#${LIST} li`)].map((row) => row.getAttribute('data-id') ?? '')
    for (let at = 0; at < count; at += 1) {
      const id = ids[at % ids.length] ?? ''
      const text = `${note} ${at}`
      await pause()
      times.push(
        await toDom(
          () => rowOf(id)?.querySelector('.note')?.textContent === text,
          () => peer.setNote(id, text),
        ),
      )
    }
    return times
  },
  insertToKept: async (first, count) => {
    const times: number[] = []
    for (const item of itemsFrom(first, count)) {
      await pause()
      times.push(await timed(() => peer.insert(item)))
    }
    return times
  },
  insertMany: (first, count) => timed(() => Promise.all(itemsFrom(first, count).map((item) => peer.insert(item)))),
  online: (on) => offered(peer.extra?.online)(on),
  drain: async () => {
    const extra = offered(peer.extra)
    const { value, longestFrameMs } = await watchFrames(() =>
      timed(async () => {
        const settled = offered(extra.settled)()
        offered(extra.online)(true)
        await settled
      }),
    )
    return { ms: value, longestFrameMs }
  },
  drainLoop: async (count) => {
    performance.clearMeasures('drain-loop')
    await offered(peer.extra?.drainLoop)(count)
    return performance.getEntriesByName('drain-loop')[0]?.duration ?? Number.NaN
  },
  editMany: async (first, count) => {
    await Promise.all(itemsFrom(first, count).map(({ id }) => peer.setNote(id, 'mine')))
  },
  heldBack: (count) => offered(peer.extra?.heldBack)(count),
  change: (first, count) => timed(() => offered(peer.extra?.change)(first, count, `theirs ${performance.now()}`)),
}
window.bench = page
