import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFileArchive, type ArchiveStorage } from './archive-storage.ts'

const NAME = 'lane-0/ab/abcd/1-10-0123.jsonl.br'
let directory: string
let archive: ArchiveStorage

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-archive-'))
  archive = createFileArchive({ directory: join(directory, 'archive') })
})
afterEach(() => rm(directory, { recursive: true }))

test('a file comes back as it was stored, and is listed', async () => {
  await archive.put(NAME, new Uint8Array([1, 2, 3]))
  await archive.put(NAME, new Uint8Array([1, 2, 3]))
  expect([...((await archive.get(NAME)) ?? [])]).toEqual([1, 2, 3])
  expect(await archive.list()).toEqual([NAME])
})

test('an archive that nothing was stored in is empty, and not made by reading', async () => {
  expect(await archive.get(NAME)).toBeUndefined()
  expect(await archive.list()).toEqual([])
  await archive.delete(NAME)
  expect(await readdir(directory)).toEqual([])
})

test('a deleted file is gone', async () => {
  await archive.put(NAME, new Uint8Array([1]))
  await archive.delete(NAME)
  expect(await archive.get(NAME)).toBeUndefined()
  expect(await archive.list()).toEqual([])
})

test('a file that was being written when the process died is none', async () => {
  await archive.put(NAME, new Uint8Array([1]))
  await writeFile(join(directory, 'archive/lane-0/.writing-0123'), 'half')
  expect(await archive.list()).toEqual([NAME])
})

test.each(['../up', '/etc/passwd', 'a//b', 'a/../b', '', 'A', 'a b', '.hidden'])(
  '%j is refused as a name',
  async (name) => {
    await expect(archive.put(name, new Uint8Array([1]))).rejects.toThrow(RangeError)
  },
)
