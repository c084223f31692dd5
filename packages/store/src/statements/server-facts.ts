import type { Driver } from '../driver.ts'

export interface ServerFacts {
  /** For example 150014. */
  readonly version: number
  readonly encoding: string
  readonly standby: boolean
  readonly synchronousCommit: string
  /** The system it runs on tells it of clients that went away. */
  readonly watchesClients: boolean
}

/** What must be known of a server before a store opens on it. */
export async function serverFacts(sql: Driver): Promise<ServerFacts> {
  const [row] = await sql.query<ServerFacts>(
    `select current_setting('server_version_num')::integer as version, current_setting('server_encoding') as encoding,
            pg_is_in_recovery() as standby, current_setting('synchronous_commit') as "synchronousCommit",
            version() !~* 'windows|mingw|msvc|visual c' as "watchesClients"`,
  )
  if (row === undefined) throw new Error('The server told nothing about itself.')
  return row
}
