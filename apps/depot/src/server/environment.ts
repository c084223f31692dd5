import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlainFailure } from './failure.ts'

/** What the depot's programs read from their environment. */
export interface Environment {
  /** `PORT`, default 3000; 0 takes a free one. */
  readonly port: number
  /** `HOST`; default `localhost`, which nobody else on the network can reach. */
  readonly host: string
  /** `TIDEMARK_DIR`, the data folder; default `.tidemark` in the repository. */
  readonly directory: string
  /** `DATABASE_URL`; without it an embedded Postgres is used. */
  readonly databaseUrl: string | undefined
}

/** The same for sources and build: both are three folders below the repository's apps. */
const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url))

/** @throws PlainFailure where a value makes no sense. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const text = variables['PORT'] || '3000'
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new PlainFailure(`PORT is "${text}", which is not a port: use a number from 1 to 65535.`)
  }
  const databaseUrl = variables['DATABASE_URL'] || undefined
  if (databaseUrl !== undefined && !/^postgres(?:ql)?:\/\//.test(databaseUrl)) {
    throw new PlainFailure(
      'DATABASE_URL does not name a Postgres: it should look like postgres://user:password@host:5432/database, or be left out.',
    )
  }
  return {
    port,
    host: variables['HOST'] || 'localhost',
    directory: resolve(variables['TIDEMARK_DIR'] || `${REPOSITORY}.tidemark`),
    databaseUrl,
  }
}
