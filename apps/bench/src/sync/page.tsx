import { createRoot } from 'react-dom/client'
import { IN_VIEW } from '../client/item.ts'
import { LIST } from '../client/item-rows.tsx'
import { nextPaint } from '../page/painted.ts'
import { now, type Mark, type SyncPage, type SyncPeer, type SyncPeerName } from './sync-peer.ts'

type Opens = (user: string, mark: (name: Mark['name']) => void) => Promise<SyncPeer>

/** `?peer=…&user=…`: one library, one device. A library is loaded only where it is the one that is asked for. */
const OPEN: Readonly<Record<SyncPeerName, Opens>> = {
  tidemark: async (user, mark) => (await import('./peers/tidemark.tsx')).openTidemark(user, mark),
  replicache: async (user) => (await import('./peers/replicache.tsx')).openReplicache(user),
  rxdb: async () => (await import('./peers/rxdb.tsx')).openRxdb(),
}

const marks: Mark[] = []
const parameters = new URLSearchParams(location.search)
const open = OPEN[parameters.get('peer') as SyncPeerName]
const peer = await open(parameters.get('user') ?? '', (name) => marks.push({ name, at: now() }))
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root element.')
createRoot(root).render(<peer.List />)

const paintedAt = new Map<string, number>()
let onPaint: () => void = () => undefined
new MutationObserver((changes) => {
  const notes = changes.map(({ target }) => target.textContent ?? '')
  void nextPaint().then(() => {
    for (const note of notes) if (!paintedAt.has(note)) paintedAt.set(note, now())
    onPaint()
  })
}).observe(root, { childList: true, characterData: true, subtree: true })

const page: SyncPage = {
  ready: async () => {
    while (document.querySelectorAll(`#${LIST} li`).length < IN_VIEW) await nextPaint()
    await peer.connected()
  },
  change: async (row, note) => {
    const id = document.querySelectorAll(`#${LIST} li`)[row % IN_VIEW]?.getAttribute('data-id')
    if (typeof id !== 'string') throw new Error(`There is no row ${row}.`)
    const dispatched = now()
    await peer.setNote(id, note)
    return { dispatched, kept: now() }
  },
  painted: (note) =>
    new Promise((resolve) => {
      const look = (): void => {
        const at = paintedAt.get(note)
        if (at !== undefined) resolve(at)
      }
      onPaint = look
      look()
    }),
  marks: () => marks,
}
window.sync = page
