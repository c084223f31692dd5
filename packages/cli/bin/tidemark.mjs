#!/usr/bin/env node
import { runTidemark } from '@tidemark/cli'

// The first Ctrl-C asks the command to stop where it can go on later; the second ends the process.
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())

process.exitCode = await runTidemark(process.argv.slice(2), {
  // npm runs scripts in the repository's folder; the person may have typed the path in another.
  directory: process.env.INIT_CWD ?? process.cwd(),
  variables: process.env,
  isTerminal: process.stderr.isTTY === true,
  out: (text) => new Promise((done) => process.stdout.write(text, () => done())),
  err: (text) => void process.stderr.write(text),
  signal: stopping.signal,
})
