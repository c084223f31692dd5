import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'

export interface Database {
  readonly url: string
  /** Where it is, for people; without its password. */
  readonly place: string
  /** Lets it go; an embedded one stops with its last user. */
  release(): Promise<void>
}

/**
 * The database that `DATABASE_URL` names, or a Postgres of our own in `<directory>/postgres`: the one that runs there
 * already, else a new one.
 *
 * @throws EmbeddedPostgresError
 */
export async function openDatabase(
  directory: string,
  given: string | undefined,
  log: (line: string) => void,
): Promise<Database> {
  if (given !== undefined && given !== '') {
    return { url: given, place: placeOf(given), release: () => Promise.resolve() }
  }
  const folder = join(directory, 'postgres')
  const postgres = await startEmbeddedPostgres({
    directory: folder,
    persistent: true,
    onProgress: (step) => {
      if (step === 'initialising') log('Starting Postgres …')
      if (step === 'restarting') log('Postgres died and is started again …')
      if (step === 'lost') log(`Postgres died and could not be started again: see the log in ${folder}.`)
    },
  })
  return {
    url: postgres.url,
    place: `${folder} (Postgres on port ${String(postgres.port)})`,
    release: () => postgres.stop(),
  }
}

function placeOf(url: string): string {
  try {
    const { host, pathname } = new URL(url)
    return `${host}${pathname}`
  } catch {
    return 'DATABASE_URL'
  }
}
