import type { Uuid } from '@tidemark/core'
import { EMPTY_FILE, encodeEntries, foldFiles, type FileEnd } from './fold.ts'
import type { JournalContents, JournalEntry, JournalHost } from './journal.ts'

/** A directory of files, each open in one tab at a time. */
export interface JournalDirectory {
  list(): Promise<readonly string[]>
  /** The bytes of a file, also of one that another tab has open; `null` where it is gone or cannot be read. */
  read(name: string): Promise<Uint8Array | null>
  /** `null` while another tab has it open, and where there is none and none is to be created. */
  open(name: string, how: 'existing' | 'new'): Promise<JournalFile | null>
  /** `false` while a tab has it open. */
  remove(name: string): Promise<boolean>
}

/** An open file. It is let go when the tab dies. */
export interface JournalFile {
  read(): Uint8Array
  /** Writes at a place; what is behind it is cut off. Returns when the disk has it. */
  write(bytes: Uint8Array<ArrayBuffer>, at: number): void
  close(): void
}

/** A file is written anew when what still counts in it is so much less than what it holds. */
const REWRITE = { bytes: 65_536, share: 0.25 }
/** Commands in one frame of a file that is written anew: one damaged frame shall not take all of them. */
const COMMANDS_PER_FRAME = 20

interface Own {
  readonly name: string
  readonly file: JournalFile
  size: number
  end: FileEnd
}

/** One tab's part of the journal: a file of its own, and the files of tabs that are gone. */
export function createJournalEngine(directory: JournalDirectory, newName: () => string): JournalHost {
  let own: Own | undefined
  const dead = new Map<string, JournalFile>()
  /** What still counts in this tab's file: since when, and its size there. */
  const held = new Map<Uuid, { readonly at: number; readonly bytes: number }>()
  let heldBytes = 0

  /** Takes hold of the files that nobody has open, and reads those of living tabs besides. */
  async function look(): Promise<{ readonly gone: readonly Uint8Array[]; readonly living: readonly Uint8Array[] }> {
    const names = (await directory.list()).filter((name) => name !== own?.name)
    const living: Uint8Array[] = []
    for (const name of names) {
      if (dead.has(name)) continue
      const file = await directory.open(name, 'existing')
      if (file !== null) {
        dead.set(name, file)
        continue
      }
      const bytes = await directory.read(name)
      // Its tab has just died, or another one has just taken it in: what it held stands elsewhere now.
      if (bytes === null) return await look()
      living.push(bytes)
    }
    return { gone: [...dead.values()].map((file) => file.read()), living }
  }

  function note(entry: JournalEntry): void {
    if (entry.kind === 'put') {
      forget(entry.command.id)
      const bytes = JSON.stringify(entry).length
      held.set(entry.command.id, { at: entry.at, bytes })
      heldBytes += bytes
    } else if (entry.kind === 'end') {
      forget(entry.id)
    } else {
      for (const [id, { at }] of held) if (at <= entry.at) forget(id)
    }
  }

  function forget(id: Uuid): void {
    heldBytes -= held.get(id)?.bytes ?? 0
    held.delete(id)
  }

  function write(target: Own, device: Uuid, entries: readonly JournalEntry[]): void {
    const { bytes, end } = encodeEntries(device, target.end, entries)
    target.file.write(bytes, target.size)
    target.size += bytes.length
    target.end = end
  }

  /** A fresh file with the given entries in it, on the disk when this returns. */
  async function begin(device: Uuid, entries: readonly JournalEntry[]): Promise<Own> {
    const name = newName()
    const file = await directory.open(name, 'new')
    if (file === null) throw new Error('Another tab has a journal file of this very name.')
    const fresh: Own = { name, file, size: 0, end: EMPTY_FILE }
    for (let from = 0; from < entries.length; from += COMMANDS_PER_FRAME) {
      write(fresh, device, entries.slice(from, from + COMMANDS_PER_FRAME))
    }
    return fresh
  }

  /**
   * Writes this tab's file anew, with what still counts of it and of the files of tabs that are gone, and removes
   * those. Until the new file is on the disk the old ones stay; a crash in between leaves both, which say the same.
   */
  async function rewrite(device: Uuid): Promise<void> {
    const { gone, living } = await look()
    const before = own
    const mine = before === undefined ? [] : [before.file.read()]
    const { live, last } = foldFiles([...mine, ...gone, ...living])
    const ours = new Set(foldFiles([...mine, ...gone]).live.map(({ command }) => command.id))
    const puts = live.filter(({ command }) => ours.has(command.id))
    // What a living tab still holds although it has ended must not come back when our word on it is gone.
    const others = foldFiles(living).live.map(({ command }) => command.id)
    const remaining = new Set(live.map(({ command }) => command.id))
    const ends = others.filter((id) => !remaining.has(id)).map((id): JournalEntry => ({ kind: 'end', at: last, id }))
    const fresh = await begin(device, [...puts, ...ends])
    own = fresh
    held.clear()
    heldBytes = 0
    for (const put of puts) note(put)
    before?.file.close()
    if (before !== undefined) await directory.remove(before.name)
    for (const [name, file] of dead) {
      file.close()
      await directory.remove(name)
      dead.delete(name)
    }
  }

  return {
    open: async (): Promise<JournalContents> => {
      const { gone, living } = await look()
      const { live, lost } = foldFiles(gone)
      const ids = [...live.map(({ command }) => command.id), ...lost.map(({ id }) => id)]
      return { ...foldFiles([...gone, ...living]), gone: ids }
    },
    adopt: async (device) => {
      const { gone } = await look()
      if (own === undefined || gone.length > 0) await rewrite(device)
      return [...held.keys()]
    },
    append: async (device, given) => {
      const entries = given.flatMap((entry): JournalEntry[] => {
        if (entry.kind !== 'end' || entry.ifHeld !== true) return [entry]
        return held.has(entry.id) ? [{ kind: 'end', at: entry.at, id: entry.id }] : []
      })
      if (entries.length === 0) return
      own ??= await begin(device, [])
      write(own, device, entries)
      for (const entry of entries) note(entry)
      if (own.size > REWRITE.bytes && heldBytes < own.size * REWRITE.share) await rewrite(device)
    },
    clear: async (device, at) => {
      // First the word that it is over, for the files that a frozen tab holds on to.
      own ??= await begin(device, [])
      write(own, device, [{ kind: 'clear', at }])
      held.clear()
      heldBytes = 0
      await look()
      for (const file of dead.values()) file.close()
      for (const name of dead.keys()) await directory.remove(name)
      dead.clear()
      const others = (await directory.list()).filter((name) => name !== own?.name)
      if (others.length > 0) return
      own.file.close()
      await directory.remove(own.name)
      own = undefined
    },
    close: () => {
      own?.file.close()
      own = undefined
      for (const file of dead.values()) file.close()
      dead.clear()
    },
  }
}
