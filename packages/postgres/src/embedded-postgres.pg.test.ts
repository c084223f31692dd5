import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type EmbeddedPostgres, type EmbeddedPostgresStep, startEmbeddedPostgres } from './embedded-postgres.ts'
import { isAlive } from './postmaster.ts'

let directory: string
const servers: EmbeddedPostgres[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'tidemark-postgres-test-')), 'pg')
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  const used = servers.splice(0)
  for (const server of used) await server.stop()
  for (const server of used) await expectGone(server.pid)
  rmSync(join(directory, '..'), { recursive: true, force: true })
})

async function start(options: { persistent?: boolean; port?: number } = {}) {
  const steps: EmbeddedPostgresStep[] = []
  const onProgress = (step: EmbeddedPostgresStep) => void steps.push(step)
  const server = await startEmbeddedPostgres({ directory, persistent: true, onProgress, ...options })
  servers.push(server)
  return { server, steps }
}

/** Another process that uses the server of the directory, in a process group of its own as in a terminal. */
async function startUser(kind: 'persistent' | 'passing' = 'persistent') {
  const script = new URL('user.fixture.mjs', import.meta.url).pathname
  const child = spawn(process.execPath, [script, directory, kind], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, server: JSON.parse(line.toString()) as { pid: number; url: string } }
}

async function query(url: string, text: string) {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return [...(await sql.unsafe(text))]
  } finally {
    await sql.end()
  }
}

function expectGone(pid: number) {
  return expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false)
}

test('a second start finds the data of the first, and nothing runs in between', async () => {
  const { server: first, steps } = await start()
  expect(steps).toEqual(['initialising', 'starting', 'ready'])
  await query(first.url, 'create table kept (text text); insert into kept values ($$here$$)')
  await first.stop()
  await first.stop()
  expect(isAlive(first.pid)).toBe(false)
  const { server: second, steps: later } = await start()
  expect(later).toEqual(['starting', 'ready'])
  expect(await query(second.url, 'select text from kept')).toEqual([{ text: 'here' }])
})

test('it is a Postgres 18 with fsync on that listens on loopback alone and wants its random password', async () => {
  const { server } = await start()
  const [settings] = await query(
    server.url,
    `select current_setting('server_version_num')::int / 10000 as version, current_setting('fsync') as fsync,
            current_setting('listen_addresses') as listens, current_setting('server_encoding') as encoding`,
  )
  expect(settings).toEqual({ version: 18, fsync: 'on', listens: '127.0.0.1', encoding: 'UTF8' })
  expect(statSync(join(directory, 'password')).mode & 0o777).toBe(0o600)
  expect(new URL(server.url).password).toBe(readFileSync(join(directory, 'password'), 'utf8').trim())
  const wrong = new URL(server.url)
  wrong.password = 'guess'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('two starts at once in an empty directory share one server, and the last to leave ends it', async () => {
  const [one, two] = await Promise.all([start(), start()])
  expect(one.server.pid).toBe(two.server.pid)
  expect(new Set([one.steps.at(-1), two.steps.at(-1)])).toEqual(new Set(['joined', 'ready']))
  await one.server.stop()
  expect(await query(two.server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await two.server.stop()
  expect(isAlive(two.server.pid)).toBe(false)
})

test('it stays for another process that has joined when the one that started it stops', async () => {
  const { server } = await start()
  const { child, server: joined } = await startUser()
  expect(joined.pid).toBe(server.pid)
  await server.stop()
  expect(await query(joined.url, 'select 1 as one')).toEqual([{ one: 1 }])
  child.kill('SIGINT')
  await expectGone(joined.pid)
})

test('a user that is killed by SIGKILL takes the server with it, and its data is there at the next start', async () => {
  const { child, server } = await startUser()
  await query(server.url, 'create table kept (text text)')
  child.kill('SIGKILL')
  await expectGone(server.pid)
  const { server: next } = await start()
  expect(await query(next.url, 'select * from kept')).toEqual([])
})

test('a killed user leaves the server to those who still use it', async () => {
  const { child, server } = await startUser()
  const { server: mine, steps } = await start()
  expect(steps).toEqual(['joined'])
  child.kill('SIGKILL')
  // Its watchdog has been and gone once its entry is no longer there.
  await expect.poll(() => existsSync(join(directory, 'users', `${child.pid}.1`)), { timeout: 10_000 }).toBe(false)
  await expect.poll(() => existsSync(join(directory, 'lock')), { timeout: 10_000 }).toBe(false)
  expect(mine.pid).toBe(server.pid)
  expect(await query(mine.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('Ctrl-C in a terminal reaches the process and not the server, so the process can finish its work', async () => {
  const { child, server } = await startUser()
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await once(child, 'exit')
  await expectGone(server.pid)
  const { server: next } = await start()
  expect(await query(next.url, 'select text from last_words')).toEqual([{ text: 'done' }])
})

test('a server that dies is started again on its port, with what was committed', async () => {
  const { server, steps } = await start()
  const first = server.pid
  await query(server.url, 'create table kept (text text)')
  process.kill(first, 'SIGKILL')
  await expect.poll(() => steps.slice(3), { timeout: 20_000 }).toEqual(['restarting', 'ready'])
  expect(server.pid).not.toBe(first)
  expect(await query(server.url, 'select * from kept')).toEqual([])
})

test('a server that dies waits for its port, where somebody has taken it meanwhile', async () => {
  const steps: EmbeddedPostgresStep[] = []
  const holder = createServer()
  const server = await startEmbeddedPostgres({
    directory,
    persistent: true,
    onProgress: (step) => {
      steps.push(step)
      if (step === 'restarting') holder.listen(server.port, '127.0.0.1')
    },
  })
  servers.push(server)
  process.kill(server.pid, 'SIGKILL')
  const isRefused = () => readFileSync(join(directory, 'postgres.log'), 'utf8').includes('already in use')
  await expect.poll(isRefused, { timeout: 20_000 }).toBe(true)
  holder.close()
  await expect.poll(() => steps.at(-1), { timeout: 20_000 }).toBe('ready')
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a pid file left by a crash is no obstacle, even when its number belongs to another program now', async () => {
  const { server } = await start()
  await server.stop()
  const stale = `${process.pid}\n${join(directory, 'data')}\n1700000000\n5432\n\n127.0.0.1\n  1 2\nready   \n`
  writeFileSync(join(directory, 'data', 'postmaster.pid'), stale)
  const { steps } = await start()
  expect(steps).toEqual(['starting', 'ready'])
})

test('what a killed initdb left behind is thrown away', async () => {
  mkdirSync(join(directory, 'data.unfinished', 'base'), { recursive: true })
  const { server } = await start()
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a lock left by a dead process is taken over', async () => {
  const { child } = await startUser()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await expect.poll(() => existsSync(join(directory, 'lock'))).toBe(false)
  mkdirSync(join(directory, 'lock'))
  writeFileSync(join(directory, 'lock', 'pid'), String(child.pid))
  await start()
})

test('a server that something else started is used and left running', async () => {
  const { server: theirs } = await start()
  // Nothing says any more that this package started it.
  rmSync(join(directory, 'launched.pid'))
  const { server: mine } = await start()
  expect(mine).toMatchObject({ owned: false, pid: theirs.pid })
  await mine.stop()
  expect(isAlive(theirs.pid)).toBe(true)
  writeFileSync(join(directory, 'launched.pid'), `${theirs.pid}\n`)
})

test('with persistent off, the directory is gone after stop, and after a SIGKILL too', async () => {
  const { server } = await start({ persistent: false })
  await server.stop()
  expect(existsSync(directory)).toBe(false)
  const { child } = await startUser('passing')
  child.kill('SIGKILL')
  await expect.poll(() => existsSync(directory), { timeout: 15_000 }).toBe(false)
})

test.runIf(process.getuid?.() === 0)('as root, a directory that no other account may enter will do', async () => {
  chmodSync(join(directory, '..'), 0o700)
  const { server } = await start()
  await query(server.url, 'create table kept (text text)')
  expect(statSync(join(directory, 'data')).uid).not.toBe(0)
})

test('a taken port is a failure of its own, said in one sentence', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(start({ port })).rejects.toMatchObject({
    kind: 'port-taken',
    message: expect.stringContaining(`Port ${port} is taken`),
  })
  other.close()
  await once(other, 'close')
  expect((await start({ port })).server.port).toBe(port)
})

test('a file where the directory should be is a failure of its own', async () => {
  writeFileSync(directory, '')
  await expect(start()).rejects.toMatchObject({ kind: 'no-permission', message: expect.stringContaining(directory) })
})
