/**
 * npm passes a SIGTERM on to the shell that it runs a script in, and that shell dies of it alone. A process that npm
 * started therefore ends itself, as by SIGTERM, when its parent is gone.
 */
export function followNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, 500)
  timer.unref()
}
