import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { type Account, chooseAccount, commandAs } from './account.ts'
import { findBinaries } from './binaries.ts'
import { EmbeddedPostgresError, outputToFailure } from './errors.ts'
import type { Layout } from './layout.ts'
import { readPostmasterPid, shutDown, waitUntil } from './postmaster.ts'

export const SUPERUSER = 'postgres'

/** Makes the cluster in a layout that has none. */
export async function initialiseCluster(layout: Layout, options: { durable: boolean }): Promise<void> {
  const { initdb } = await findBinaries()
  await rm(layout.unfinished, { recursive: true, force: true })
  const account = chooseAccount(layout.data)
  mkdirSync(layout.unfinished, { mode: 0o700 })
  giveTo(account, layout.unfinished)
  const password = randomBytes(24).toString('base64url')
  rmSync(layout.password, { force: true })
  writeFileSync(layout.password, `${password}\n`, { mode: 0o600 })
  // A copy that the account which runs initdb can read; ours stays ours.
  rmSync(layout.passwordForInit, { force: true })
  writeFileSync(layout.passwordForInit, `${password}\n`, { mode: 0o600 })
  giveTo(account, layout.passwordForInit)
  const args = [
    `--pgdata=${layout.unfinished}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${layout.passwordForInit}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // One order of text on every machine, whatever locales it has.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--lc-messages=C',
    ...(options.durable ? [] : ['--no-sync']),
  ]
  const { code, output } = await run(account, initdb, args, layout)
  rmSync(layout.passwordForInit, { force: true })
  if (code !== 0) {
    await rm(layout.unfinished, { recursive: true, force: true })
    throw outputToFailure(output, layout)
  }
  await rename(layout.unfinished, layout.data)
}

export function readPassword(layout: Layout): string {
  try {
    return readFileSync(layout.password, 'utf8').trim()
  } catch (error) {
    throw new EmbeddedPostgresError(
      'failed',
      `${layout.password} cannot be read, and without it nobody can log in to the database in ${layout.data}: put the file back, or move the directory away to begin anew.`,
      { cause: error },
    )
  }
}

export interface LaunchedPostmaster {
  readonly pid: number
  readonly process: ChildProcess
}

/**
 * Starts a postmaster on a free data directory and waits until it accepts connections.
 *
 * @throws {EmbeddedPostgresError} with the reason found in what Postgres printed.
 */
export async function launchPostmaster(
  layout: Layout,
  port: number,
  flags: readonly string[],
): Promise<LaunchedPostmaster> {
  const { postgres } = await findBinaries()
  const settings = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' }
  const args = [
    ['-D', layout.data],
    // The caller's flags first: an address that is not loopback is not for it to choose.
    flags,
    Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ].flat()
  const {
    command,
    args: prefixed,
    identity,
  } = commandAs(chooseAccount(layout.data), postgres, args, [postgres, layout.data])
  // A file and not a pipe: with its reader gone, Postgres would die of the first line it logs.
  const log = openNewLog(layout)
  const child = spawn(command, prefixed, {
    ...identity,
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log, log],
    // Out of the terminal's process group, or Ctrl-C would end it before those who are still writing.
    detached: true,
  })
  closeSync(log)
  child.unref()
  let ended = false
  child.on('error', () => (ended = true))
  child.on('exit', () => (ended = true))
  const ready = () => child.pid !== undefined && isReady(layout, child.pid)
  // Crash recovery of a large log is the one thing that takes long.
  await waitUntil(() => ended || ready(), 120_000)
  if (!ended && ready() && child.pid !== undefined) return { pid: child.pid, process: child }
  if (!ended && child.pid !== undefined) await shutDown(child.pid)
  throw outputToFailure(readLog(layout), { directory: layout.directory, port })
}

/** What is left of a server that died still writes to its own log: into the same one, it would be over what this server says. */
function openNewLog({ log }: Layout): number {
  try {
    rmSync(log, { force: true })
  } catch {
    // Windows keeps a file that is open; it is emptied then.
  }
  return openSync(log, 'w', 0o600)
}

function isReady(layout: Layout, pid: number): boolean {
  const postmaster = readPostmasterPid(layout.data)
  return postmaster?.pid === pid && postmaster.status === 'ready'
}

function readLog(layout: Layout): string {
  try {
    return readFileSync(layout.log, 'utf8')
  } catch {
    return ''
  }
}

function giveTo(account: Account, path: string): void {
  if (account.kind === 'other') chownSync(path, account.uid, account.gid)
}

function run(
  account: Account,
  binary: string,
  binaryArgs: readonly string[],
  layout: Layout,
): Promise<{ code: number | null; output: string }> {
  const { command, args, identity } = commandAs(account, binary, binaryArgs, [binary, layout.unfinished])
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...identity,
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
    child.on('error', (error) => resolve({ code: null, output: `${output}\n${error.message}` }))
    child.on('close', (code) => resolve({ code, output }))
  })
}
