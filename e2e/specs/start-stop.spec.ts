import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test as base, expect } from '@playwright/test'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { ada } from '../fixtures/accounts.ts'
import { ApiClient } from '../fixtures/api-client.ts'
import { openLiveStream } from '../fixtures/live-stream.ts'
import { type Program, startProgram } from '../fixtures/program.ts'
import { openServerLog } from '../fixtures/server-log.ts'

/** What `npm start` runs once everything is built. */
const MAIN = fileURLToPath(new URL('../../apps/depot/dist/server/main.js', import.meta.url))

interface Fixtures {
  readonly database: TestDatabase
  /** Starts the real program on this database; the same data folder each time. */
  readonly main: (env: Readonly<Record<string, string>>) => Program
}

const test = base.extend<Fixtures>({
  database: async ({}, use) => {
    const database = await testDatabase()
    await use(database)
    await database.drop()
  },
  main: async ({ database }, use) => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-e2e-main-'))
    const programs: Program[] = []
    await use((env) => {
      const program = startProgram(MAIN, { DATABASE_URL: database.url, TIDEMARK_DIR: directory, ...env })
      programs.push(program)
      return program
    })
    for (const program of programs) program.signal('SIGKILL')
    await Promise.all(programs.map((program) => program.exited))
    rmSync(directory, { recursive: true, force: true })
  },
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const isReady = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status

test('the first start imports the demo data, SIGTERM ends it with streams open, the next start is quick', async ({
  database,
  main,
}) => {
  test.setTimeout(180_000)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`

  const first = main({ PORT: String(port) })
  await first.said(new RegExp(`http://localhost:${port}`))
  expect(await isReady(url)).toBe(200)
  const log = openServerLog(database.url)
  const imported = (await log.events()).length
  expect(imported).toBeGreaterThan(10_000)

  const api = await ApiClient.signIn(url, ada)
  const streams = await Promise.all(Array.from({ length: 5 }, () => openLiveStream(api)))
  const asked = performance.now()
  first.signal('SIGTERM')
  expect(await first.exited).toEqual({ code: 0, signal: null })
  expect(performance.now() - asked).toBeLessThan(5_000)
  for (const stream of streams) expect(await stream.ended).toContain('"kind":"reconnect"')

  const started = performance.now()
  const second = main({ PORT: String(port) })
  await second.said(new RegExp(`http://localhost:${port}`))
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(await log.events()).toHaveLength(imported)
  await log.expectSound()
  await log.close()
  second.signal('SIGINT')
  expect(await second.exited).toEqual({ code: 0, signal: null })
})

test('a port that is taken is one sentence and exit code 1', async ({ main }) => {
  const occupant = createServer()
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
  const { port } = occupant.address() as AddressInfo
  const program = main({ PORT: String(port) })
  expect(await program.exited).toEqual({ code: 1, signal: null })
  expectOneSentence(program, new RegExp(`\\b${port}\\b.*taken`))
  await new Promise((resolve) => occupant.close(resolve))
})

test('a database out of reach is one sentence and exit code 1', async ({ main }) => {
  const program = main({ PORT: '0', DATABASE_URL: `postgres://nobody:secret-word@127.0.0.1:${await freePort()}/x` })
  expect(await program.exited).toEqual({ code: 1, signal: null })
  expectOneSentence(program, /database/i)
  expect(program.stdout() + program.stderr()).not.toContain('secret-word')
})

function expectOneSentence(program: Program, about: RegExp): void {
  const lines = program.stderr().trim().split('\n')
  expect(lines, program.stderr()).toHaveLength(1)
  expect(lines[0]).toMatch(about)
  expect(lines[0]).not.toMatch(/\bat .*:\d+:\d+|Error:/)
}
