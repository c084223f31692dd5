import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './errors.ts'
import type { Layout } from './layout.ts'
import { isAlive } from './postmaster.ts'

/** Counts this process in. One process may use a server several times; the entries are told apart by `seat`. */
export function joinUsers(layout: Layout, seat: number): string {
  mkdirSync(layout.users, { recursive: true, mode: 0o700 })
  const entry = join(layout.users, `${process.pid}.${seat}`)
  writeFileSync(entry, '', { mode: 0o600 })
  return entry
}

export function leaveUsers(entry: string): void {
  rmSync(entry, { force: true })
}

/** How many living processes use the server; the entries of dead ones are swept on the way. */
export function countUsers(layout: Layout): number {
  let living = 0
  for (const name of listUsers(layout)) {
    if (isAlive(Number(name.split('.')[0]))) living += 1
    else rmSync(join(layout.users, name), { force: true })
  }
  return living
}

function listUsers(layout: Layout): readonly string[] {
  try {
    return readdirSync(layout.users)
  } catch {
    return []
  }
}

/** A lock is old when its holder has had this long to write its name into it. */
const NAMELESS_LOCK_MS = 2_000

/**
 * Runs `work` while no other process starts, joins or leaves the server of this directory.
 *
 * @throws {EmbeddedPostgresError} `locked` when a living process keeps the lock longer than `patienceMs`.
 */
export async function withLock<T>(layout: Layout, patienceMs: number, work: () => Promise<T>): Promise<T> {
  await takeLock(layout, patienceMs)
  try {
    return await work()
  } finally {
    rmSync(layout.lock, { recursive: true, force: true })
  }
}

async function takeLock(layout: Layout, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      mkdirSync(layout.lock)
      writeFileSync(join(layout.lock, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    if (isAbandoned(layout)) rmSync(layout.lock, { recursive: true, force: true })
    else if (Date.now() >= deadline)
      throw new EmbeddedPostgresError(
        'locked',
        `Another process has been starting Postgres in ${layout.directory} for ${Math.round(patienceMs / 1000)} s: stop it, or remove ${layout.lock}.`,
      )
    else await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isAbandoned(layout: Layout): boolean {
  try {
    const holder = Number(readFileSync(join(layout.lock, 'pid'), 'utf8'))
    if (holder > 0) return !isAlive(holder)
  } catch {
    // Not written yet, or never to be.
  }
  try {
    return Date.now() - statSync(layout.lock).mtimeMs > NAMELESS_LOCK_MS
  } catch {
    return false
  }
}
