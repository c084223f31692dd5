import { EmbeddedPostgresError } from '@tidemark/postgres'
import { DatabaseError, MigrationError, StoreOpenError } from '@tidemark/store'

/** Something the person at the keyboard can mend. The message is one sentence: what, the usual cause, what to do. */
export class PlainFailure extends Error {
  override readonly name = 'PlainFailure'
}

export interface FailureContext {
  readonly directory: string
  /** Where the database is, for people. */
  readonly database?: string
  readonly port?: number
}

/** The sentence for a failure that a person can mend; `undefined` for a bug, which deserves its stack. */
export function failureToSentence(error: unknown, context: FailureContext): string | undefined {
  const { directory, port, database = 'DATABASE_URL' } = context
  if (error instanceof PlainFailure || error instanceof EmbeddedPostgresError || error instanceof MigrationError) {
    return error.message
  }
  if (error instanceof StoreOpenError) {
    return error.kind === 'unreachable'
      ? `The database ${database} cannot be reached, most often because it does not run or its URL or password is wrong: check DATABASE_URL, or leave it out to use an embedded Postgres.`
      : `The database ${database} cannot be used: ${error.message}`
  }
  if (error instanceof DatabaseError) return databaseSentence(error, database)
  switch ((error as { code?: unknown } | null)?.code) {
    case 'EADDRINUSE':
      return `Port ${String(port)} is taken by another program, perhaps another depot: stop it, or choose another port, for example PORT=${port === undefined || port >= 65_535 ? 3000 : port + 1} npm start.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'HOST names an address that this machine does not have: leave it out to serve this machine only, or use 0.0.0.0 for all its addresses.'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      // Opening a file and opening a port fail with the same code.
      return (error as { syscall?: unknown }).syscall === 'listen'
        ? `Port ${String(port)} is reserved for root: choose one above 1023, for example PORT=3000 npm start.`
        : `The data folder ${directory} cannot be written: give yourself access to it, or name another one in TIDEMARK_DIR.`
    case 'ENOTDIR':
    case 'EEXIST':
      return `${directory} cannot be a folder, because a file is in its way: move that file, or name another folder in TIDEMARK_DIR.`
    case 'ENOSPC':
    case 'EDQUOT':
      return diskSentence(directory)
    default:
      return undefined
  }
}

function databaseSentence(error: DatabaseError, database: string): string | undefined {
  switch (error.code) {
    case '53100':
      return `The disk of the database ${database} is full: free some space and start again; nothing is lost.`
    case '42501':
      return `The database ${database} does not let this account make its tables: give it the right to create in that database, or use another account in DATABASE_URL.`
    default:
      return error.kind === 'rejected'
        ? undefined
        : `The database ${database} does not answer any more, most often because it was stopped or the network is gone: start it again and repeat this; nothing is lost.`
  }
}

function diskSentence(directory: string): string {
  return `The disk that holds ${directory} is full: free some space, or name a folder on another disk in TIDEMARK_DIR.`
}
