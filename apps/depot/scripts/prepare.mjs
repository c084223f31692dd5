// What `npm start`, `npm run dev` and `npm run import` make sure of before any of their own work.
import { accessSync, constants, mkdirSync, readdirSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { PlainError, root } from '../../../.ci/run-step.mjs'

/** A new database with the demo data takes about 200 MB; one that is there needs room for its log. */
const NEEDED_MEGABYTES = { first: 300, later: 50 }

/** The data folder, absolute in the environment from here on, and writable. */
export function prepareDirectory() {
  const directory = resolve(process.env.TIDEMARK_DIR || join(root, '.tidemark'))
  process.env.TIDEMARK_DIR = directory
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    throw new PlainError(
      `The data folder ${directory} cannot be written: give yourself access to it, or name another one in TIDEMARK_DIR.`,
    )
  }
  const needed = readdirSync(directory).length === 0 ? NEEDED_MEGABYTES.first : NEEDED_MEGABYTES.later
  const { bavail, bsize } = statfsSync(directory)
  if (bavail * bsize < needed * 1024 * 1024)
    throw new PlainError(
      `The disk that holds ${directory} has less than ${needed} MB left: free some space, or name a folder on another disk in TIDEMARK_DIR.`,
    )
}

/** Found out before minutes are spent on a build whose result could not be served. */
export async function preparePort() {
  const text = process.env.PORT || '3000'
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new PlainError(`PORT is "${text}", which is not a port: use a number from 1 to 65535.`)
  const code = (await listenError(port, '127.0.0.1')) ?? (await listenError(port, '::'))
  if (code === 'EACCES')
    throw new PlainError(`Port ${port} is reserved for root: choose one above 1023, for example PORT=3000 npm start.`)
  if (code === 'EADDRINUSE')
    throw new PlainError(
      `Port ${port} is taken by another program: stop it, or choose another one, for example PORT=${port === 65535 ? 3000 : port + 1} npm start.`,
    )
}

function listenError(port, host) {
  return new Promise((settle) => {
    const server = createServer()
    server.on('error', (error) => settle(error.code))
    server.listen(port, host, () => server.close(() => settle(undefined)))
  })
}
