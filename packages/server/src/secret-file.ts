import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SealKey } from './seal.ts'

/**
 * Reads a secret, or makes it the first time. Readable by its owner only. Written in full before it gets its name,
 * and never over one that is there: neither a crash nor a second process leaves anybody with a key of their own.
 */
export async function readOrMakeSecret(path: string, make: () => Promise<string> | string): Promise<string> {
  const known = await readIfThere(path)
  if (known !== undefined) return known
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(await make())
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}

/** The key that a server without a key service seals tokens and cursors with; made in `directory` the first time. */
export async function readOrMakeSealKey(directory: string): Promise<SealKey> {
  const path = join(directory, 'seal-key')
  const text = await readOrMakeSecret(path, () => randomBytes(32).toString('base64'))
  const key = Buffer.from(text, 'base64')
  if (key.length !== 32) throw new Error(`${path} is not a key. Delete it; clients then fetch all rows again.`)
  return { id: 'file', key }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}
