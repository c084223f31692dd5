import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a data directory's `postmaster.pid` says; Postgres's own record of who runs there. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly status: 'starting' | 'ready' | 'standby' | 'stopping' | 'unknown'
}

/** Line order is fixed by Postgres (src/include/utils/pidfile.h): pid, data, start time, port, sockets, listen, shm, status. */
export function parsePostmasterPid(text: string): Postmaster | undefined {
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  const status = lines[7]?.trim()
  return {
    pid,
    port: Number(lines[3]) || 0,
    status:
      status === 'starting' || status === 'ready' || status === 'standby' || status === 'stopping' ? status : 'unknown',
  }
}

/** The postmaster that runs on this data directory, or `undefined`: also where a crash left a stale pid file behind. */
export function findPostmaster(dataDirectory: string): Postmaster | undefined {
  const postmaster = readPostmasterPid(dataDirectory)
  if (postmaster === undefined || !isAlive(postmaster.pid)) return undefined
  // After a reboot the number may belong to any program.
  return commandLineOf(postmaster.pid).includes(dataDirectory) ? postmaster : undefined
}

export function readPostmasterPid(dataDirectory: string): Postmaster | undefined {
  const path = join(dataDirectory, 'postmaster.pid')
  try {
    return parsePostmasterPid(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether a process runs; one that has ended but whose parent has not noticed does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, and belongs to someone else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z'
  } catch {
    return !existsSync('/proc/self/stat')
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return spawnSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' }).stdout ?? ''
  }
}

/** Resolves to whether `condition` came true within the time. */
export async function waitUntil(condition: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs
  for (;;) {
    if (condition()) return true
    if (Date.now() >= deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * Ends a postmaster: a fast shutdown first (sessions are cut, everything is written), then an immediate one (recovery
 * runs at the next start), then the kill. Returns once it is gone; at most about `withinMs` plus 5 s.
 */
export async function shutDown(pid: number, withinMs = 10_000): Promise<void> {
  const steps = [
    ['SIGINT', withinMs],
    ['SIGQUIT', 3_000],
    ['SIGKILL', 2_000],
  ] as const
  for (const [signal, patience] of steps) {
    try {
      process.kill(pid, signal)
    } catch {
      return
    }
    if (await waitUntil(() => !isAlive(pid), patience)) return
  }
}
