/**
 * The closed list of what this package throws. Business outcomes are never in here: they are answers.
 */

/**
 * What is known of a failed call:
 * `rolled-back`: the database refused it, nothing was written, the same call may work later (lock or statement timeout,
 * deadlock, disk full, too many connections);
 * `rejected`: the database refused it and always will (data it cannot store, a violated constraint, a bug in the SQL);
 * `not-sent`: no connection could be made, nothing was written;
 * `unknown`: the connection was lost or the deadline passed after the call was sent: it may have been committed.
 */
export type DatabaseFailure = 'rolled-back' | 'rejected' | 'not-sent' | 'unknown'

/** A failed database call. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly kind: DatabaseFailure
  /** The SQLSTATE, or the driver's or the operating system's code. */
  readonly code: string
  /** The violated constraint, where there is one. */
  readonly constraint: string | undefined

  constructor(kind: DatabaseFailure, code: string, message: string, options: { constraint?: string; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.kind = kind
    this.code = code
    this.constraint = options.constraint
  }
}

/** Whether the same call may succeed later. Says nothing about whether it is safe to repeat: see its `kind`. */
export function isTransient(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.kind !== 'rejected'
}

/** SQLSTATE of a role that may not do what it asked for. */
export const INSUFFICIENT_PRIVILEGE = '42501'

/**
 * Why migrations stopped:
 * `checksum-changed`: the file of an applied migration was edited; restore it and put the change into a new file;
 * `failed`: a migration's SQL failed, and nothing of it was kept;
 * `not-owner`: there is something to migrate, and this role may not change the schema;
 * `bad-directory`: a file is not named `0001-what-it-does.sql`, or two share a number.
 */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly kind: 'checksum-changed' | 'failed' | 'not-owner' | 'bad-directory'
  readonly namespace: string
  readonly migration: string

  constructor(kind: MigrationError['kind'], namespace: string, migration: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
    this.namespace = namespace
    this.migration = migration
  }
}

/** Why a store could not be opened on a database that answered. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError'
  readonly kind: 'unreachable' | 'server-too-old' | 'not-utf8' | 'standby' | 'pooler' | 'no-access'

  constructor(kind: StoreOpenError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

/**
 * Why archived events could not be read:
 * `not-configured`: the store was opened without the archive that holds them;
 * `missing`: the file is not there, or no file holds what the log lacks;
 * `damaged`: the file is not the one that was stored;
 * `moving`: events were archived or restored so often while they were read that no read saw them all.
 */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly kind: 'not-configured' | 'missing' | 'damaged' | 'moving'
  /** `''` where no file is known. */
  readonly file: string

  constructor(kind: ArchiveError['kind'], file: string, message: string) {
    super(message)
    this.kind = kind
    this.file = file
  }
}
