import { spawn } from 'node:child_process'
import type { Layout } from './layout.ts'

/**
 * A shell that waits for its parent to say goodbye. When the pipe closes without a word the parent has died, by
 * SIGKILL as well, and the shell leaves in its place: the last user's shell shuts Postgres down.
 *
 * $1 directory, $2 the parent's entry in users/, $3 `remove` where nothing of the directory is to be kept.
 * It waits at most 5 s for the lock, since the parent may have died holding it.
 */
const SCRIPT = `
IFS= read -r word && [ "$word" = bye ] && exit 0
n=0
until mkdir "$1/lock" 2>/dev/null || [ $n -ge 50 ]; do
  holder=$(cat "$1/lock/pid" 2>/dev/null)
  [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null && rm -rf "$1/lock"
  sleep 0.1; n=$((n + 1))
done
echo $$ > "$1/lock/pid"
rm -f "$1/users/$2"
for entry in "$1"/users/*; do
  name=\${entry##*/}
  if [ -e "$entry" ] && kill -0 "\${name%%.*}" 2>/dev/null; then rm -rf "$1/lock"; exit 0; fi
done
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$pid" = "$(cat "$1/launched.pid" 2>/dev/null)" ]; then
  kill -INT "$pid" 2>/dev/null
  n=0
  while kill -0 "$pid" 2>/dev/null && [ -e "$1/data/postmaster.pid" ]; do
    [ $n -eq 100 ] && kill -QUIT "$pid" 2>/dev/null
    [ $n -eq 150 ] && kill -KILL "$pid" 2>/dev/null
    [ $n -ge 170 ] && break
    sleep 0.1; n=$((n + 1))
  done
fi
if [ "$3" = remove ]; then rm -rf "$1"; else rm -rf "$1/lock"; fi
`

export interface Watchdog {
  /** The parent leaves by itself; nothing is left to do. */
  dismiss(): void
}

/** Watches this process. On Windows there is no shell to do it; a server whose users died is found and used again. */
export function startWatchdog(layout: Layout, entry: string, remove: boolean): Watchdog {
  if (process.platform === 'win32') return { dismiss: () => undefined }
  const shell = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'tidemark-postgres-watchdog', layout.directory, entry, remove ? 'remove' : 'keep'],
    {
      // Its own process group: Ctrl-C in a terminal reaches the whole group of the parent.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  shell.unref()
  // An unreferenced pipe does not keep a process alive that has nothing else to do.
  if (shell.stdin !== null && 'unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  shell.stdin?.on('error', () => undefined)
  shell.on('error', () => undefined)
  return { dismiss: () => void shell.stdin?.end('bye\n') }
}
