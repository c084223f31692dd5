import { createJournalEngine, type JournalDirectory, type JournalFile } from '../journal/engine.ts'
import type { JournalHost } from '../journal/journal.ts'

/** The files of the second journal as a device keeps them, over tabs and restarts. */
export interface MemoryJournals {
  /** Bytes by file, by database. */
  readonly files: Map<string, Map<string, Uint8Array>>
  /** What the place does: works, is not there, fails every write, or never answers. */
  mode: 'working' | 'missing' | 'failing' | 'silent'
  /** One tab's host; `owned` are the ways to let go of its files, should it die. */
  host(name: string, owned: Set<() => void>): JournalHost | undefined
}

export function createMemoryJournals(): MemoryJournals {
  const opened = new Set<string>()
  let names = 0

  function directoryOf(name: string, owned: Set<() => void>): JournalDirectory {
    const files = journals.files.get(name) ?? new Map<string, Uint8Array>()
    journals.files.set(name, files)
    return {
      list: () => Promise.resolve([...files.keys()]),
      read: (file) => Promise.resolve(files.get(file) ?? null),
      open: (file, how) => {
        const key = `${name}/${file}`
        if (opened.has(key) || (how === 'existing' && !files.has(file))) return Promise.resolve(null)
        opened.add(key)
        if (!files.has(file)) files.set(file, new Uint8Array())
        let isOurs = true
        const release = (): void => {
          if (isOurs) opened.delete(key)
          isOurs = false
          owned.delete(release)
        }
        owned.add(release)
        const handle: JournalFile = {
          read: () => files.get(file) ?? new Uint8Array(),
          write: (bytes, at) => {
            if (!isOurs) throw new DOMException('The tab is gone.', 'InvalidStateError')
            if (journals.mode === 'failing') throw new DOMException('No room.', 'QuotaExceededError')
            const before = (files.get(file) ?? new Uint8Array()).subarray(0, at)
            const after = new Uint8Array(before.length + bytes.length)
            after.set(before)
            after.set(bytes, before.length)
            files.set(file, after)
          },
          close: release,
        }
        return Promise.resolve(handle)
      },
      remove: (file) => {
        if (opened.has(`${name}/${file}`)) return Promise.resolve(false)
        files.delete(file)
        return Promise.resolve(true)
      },
    }
  }

  const journals: MemoryJournals = {
    files: new Map(),
    mode: 'working',
    host: (name, owned) => {
      if (journals.mode === 'missing') return undefined
      const engine = createJournalEngine(directoryOf(name, owned), () => `${String(++names)}.log`)
      const reach = <T>(call: () => Promise<T>): Promise<T> =>
        journals.mode === 'silent' ? new Promise<T>(() => undefined) : call()
      // One call after the other, as a worker takes them.
      let turn: Promise<unknown> = Promise.resolve()
      const inTurn = <T>(call: () => Promise<T>): Promise<T> => {
        const result = turn.then(() => reach(call))
        turn = result.catch(() => undefined)
        return result
      }
      return {
        open: () => inTurn(() => engine.open()),
        adopt: (device) => inTurn(() => engine.adopt(device)),
        append: (device, entries) => inTurn(() => engine.append(device, structuredClone(entries))),
        clear: (device, at) => inTurn(() => engine.clear(device, at)),
        close: () => engine.close(),
      }
    },
  }
  return journals
}
