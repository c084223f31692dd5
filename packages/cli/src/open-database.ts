import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'
import { PlainFailure, UsageError } from './errors.ts'
import type { Io } from './io.ts'

export interface OpenDatabase {
  readonly url: string
  release(): Promise<void>
}

/** The data folder: `TIDEMARK_DIR`, else `.tidemark` where the command was typed. */
export function dataDirectory({ directory, variables }: Io): string {
  return resolve(directory, variables['TIDEMARK_DIR'] || '.tidemark')
}

/**
 * The database that `DATABASE_URL` names, or the embedded Postgres of the data folder: the one that runs there already,
 * else started for as long as the command takes.
 *
 * @throws UsageError, PlainFailure, EmbeddedPostgresError
 */
export async function openDatabase(io: Io, options: { readonly mayCreate: boolean }): Promise<OpenDatabase> {
  const given = io.variables['DATABASE_URL']
  if (given !== undefined && given !== '') {
    if (!/^postgres(?:ql)?:\/\//.test(given)) {
      throw new UsageError(
        'DATABASE_URL does not name a Postgres: it should look like postgres://user:password@host:5432/database.',
      )
    }
    return { url: given, release: () => Promise.resolve() }
  }
  const folder = join(dataDirectory(io), 'postgres')
  if (!options.mayCreate && !existsSync(folder)) {
    throw new PlainFailure(
      `There is no data in ${folder}: name a database in DATABASE_URL, or the folder in TIDEMARK_DIR.`,
    )
  }
  const postgres = await startEmbeddedPostgres({ directory: folder, persistent: true })
  return { url: postgres.url, release: () => postgres.stop() }
}
