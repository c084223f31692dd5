import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** An expected failure whose message is one sentence for the person who typed the command. */
export class PlainError extends Error {}

/** Programs under way. Whoever ends this process with SIGTERM means them too; Ctrl-C reaches them by itself. */
const running = new Set()

function endWithChildren() {
  for (const child of running) child.kill('SIGTERM')
  process.exit(143)
}

/**
 * Runs a program with its output shown as it comes.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, quiet?: boolean, timeoutMs?: number }} [options]
 * @returns {Promise<{ ok: boolean, seconds: number, output: string }>} `output` is empty unless `quiet`.
 */
export function runStep(command, args, options = {}) {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      // npx is a script there.
      shell: process.platform === 'win32' && command === 'npx',
    })
    // Only while there is something to pass it on to: a server that this process becomes later has its own way.
    if (running.size === 0) process.once('SIGTERM', endWithChildren)
    running.add(child)
    let output = ''
    let timer
    const finish = (ok) => {
      clearTimeout(timer)
      running.delete(child)
      if (running.size === 0) process.off('SIGTERM', endWithChildren)
      resolve({ ok, seconds: (performance.now() - started) / 1000, output })
    }
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => {
      output += error.message
      if (!options.quiet) console.error(`${command}: ${error.message}`)
      finish(false)
    })
    child.on('close', (code) => finish(code === 0))
    if (options.timeoutMs !== undefined)
      timer = setTimeout(() => {
        output += `\nended after ${options.timeoutMs / 1000} s`
        child.kill('SIGKILL')
      }, options.timeoutMs)
  })
}

/** A program of this workspace's `node_modules`, run by this very Node. */
export function node(script, args, options) {
  return runStep(process.execPath, [`${root}${script}`, ...args], options)
}

/** `work`, then what it said for people and exit code 1 where it failed as expected; a stack only for bugs. */
export async function mainOf(work) {
  try {
    await work()
  } catch (error) {
    console.error(error instanceof PlainError ? error.message : error)
    process.exitCode = 1
  }
}
