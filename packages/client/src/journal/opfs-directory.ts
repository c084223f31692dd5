import type { JournalDirectory, JournalFile } from './engine.ts'

/** The part of the handle that is used; TypeScript has it in its library for workers alone. */
interface SyncAccessHandle {
  getSize(): number
  read(bytes: Uint8Array, options: { readonly at: number }): number
  write(bytes: Uint8Array, options: { readonly at: number }): number
  truncate(size: number): void
  flush(): void
  close(): void
}
type WorkerFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccessHandle> }

/** The journal's files in the origin's private file system. Only in a worker: handles that write at once exist there. */
export async function openOpfsDirectory(name: string): Promise<JournalDirectory> {
  const root = await navigator.storage.getDirectory()
  const all = await root.getDirectoryHandle('tidemark', { create: true })
  // A name may hold what a file name may not.
  const directory = await all.getDirectoryHandle(encodeURIComponent(name), { create: true })
  return {
    list: async () => {
      const names: string[] = []
      for await (const found of directory.keys()) names.push(found)
      return names
    },
    read: async (file) => {
      try {
        const handle = await directory.getFileHandle(file)
        return new Uint8Array(await (await handle.getFile()).arrayBuffer())
      } catch (error) {
        if (isNamed(error, 'NotFoundError')) return null
        // Locked against reading too: what it holds is not lost, its tab lives.
        return new Uint8Array()
      }
    },
    open: async (file, how) => {
      try {
        const handle = (await directory.getFileHandle(file, { create: how === 'new' })) as WorkerFileHandle
        return toFile(await handle.createSyncAccessHandle())
      } catch (error) {
        if (isNamed(error, 'NoModificationAllowedError') || isNamed(error, 'NotFoundError')) return null
        throw error
      }
    },
    remove: async (file) => {
      try {
        await directory.removeEntry(file)
        return true
      } catch (error) {
        if (isNamed(error, 'NotFoundError')) return true
        if (isNamed(error, 'NoModificationAllowedError')) return false
        throw error
      }
    },
  }
}

function toFile(handle: SyncAccessHandle): JournalFile {
  return {
    read: () => {
      const bytes = new Uint8Array(handle.getSize())
      handle.read(bytes, { at: 0 })
      return bytes
    },
    write: (bytes, at) => {
      // What a write that failed has left behind would be taken for damage.
      if (handle.getSize() > at) handle.truncate(at)
      const written = handle.write(bytes, { at })
      if (written !== bytes.length) throw new DOMException('The disk took only a part.', 'QuotaExceededError')
      handle.flush()
    },
    close: () => handle.close(),
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name
}
