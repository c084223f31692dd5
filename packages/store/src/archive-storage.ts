/**
 * Where archived events go. The port is small enough for any object store: whole files, written once, under names that
 * contain a hash of their content.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

export interface ArchiveStorage {
  /**
   * Stores a file under a name, whole or not at all; durable when it resolves. A name that is there is written again,
   * and its content is the same. Names are lower-case letters, digits, `-`, `.` and `/`.
   */
  put(name: string, content: Uint8Array): Promise<void>
  /** `undefined` where there is no such file. */
  get(name: string): Promise<Uint8Array | undefined>
  /** Names of all files, in no order. */
  list(): Promise<readonly string[]>
  /** Does nothing where there is no such file. */
  delete(name: string): Promise<void>
}

const TEMPORARY = '.writing-'

/** An archive in a folder, which is made when the first file is stored. */
export function createFileArchive(options: { readonly directory: string }): ArchiveStorage {
  const { directory } = options
  const pathOf = (name: string): string => {
    if (!/^[a-z0-9-]+(?:[./][a-z0-9-]+)*$/.test(name)) throw new RangeError(`"${name}" is no name of an archived file.`)
    return join(directory, ...name.split('/'))
  }
  return {
    async put(name, content) {
      const path = pathOf(name)
      await mkdir(dirname(path), { recursive: true })
      const temporary = join(dirname(path), `${TEMPORARY}${randomBytes(8).toString('hex')}`)
      try {
        const file = await open(temporary, 'wx')
        try {
          await file.writeFile(content)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(temporary, path)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      await syncFolders(directory, dirname(path))
    },
    async get(name) {
      try {
        return await readFile(pathOf(name))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async list() {
      try {
        const entries = await readdir(directory, { recursive: true, withFileTypes: true })
        return entries
          .filter((entry) => entry.isFile() && !entry.name.startsWith(TEMPORARY))
          .map((entry) =>
            join(entry.parentPath, entry.name)
              .slice(directory.length + 1)
              .split(sep)
              .join('/'),
          )
      } catch (error) {
        if (isMissing(error)) return []
        throw error
      }
    },
    delete: (name) => rm(pathOf(name), { force: true }),
  }
}

/** A file is there after a crash only if the folders that name it are on the disk as well. */
async function syncFolders(top: string, folder: string): Promise<void> {
  // Windows opens no folders as files, and writes their entries through.
  if (process.platform === 'win32') return
  for (let path = folder; path.startsWith(top); path = dirname(path)) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (path === dirname(path)) break
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
