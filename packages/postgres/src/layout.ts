import { join } from 'node:path'

/** What lies in the directory of one embedded Postgres. */
export interface Layout {
  readonly directory: string
  /** The cluster itself (PGDATA). */
  readonly data: string
  /** Where initdb works; renamed to `data` when it is done, so a killed initdb leaves nothing that looks whole. */
  readonly unfinished: string
  readonly password: string
  readonly passwordForInit: string
  readonly log: string
  /** Pid of the postmaster that this package started; any other one is left alone. */
  readonly launched: string
  /** One empty file per process that uses the server, named by its pid. */
  readonly users: string
  /** Held while a process starts, joins or leaves. A directory, because `mkdir` is atomic in sh as well. */
  readonly lock: string
}

export function layoutOf(directory: string): Layout {
  return {
    directory,
    data: join(directory, 'data'),
    unfinished: join(directory, 'data.unfinished'),
    password: join(directory, 'password'),
    passwordForInit: join(directory, 'password.initdb'),
    log: join(directory, 'postgres.log'),
    launched: join(directory, 'launched.pid'),
    users: join(directory, 'users'),
    lock: join(directory, 'lock'),
  }
}
