import { EmbeddedPostgresError } from '@tidemark/postgres'
import { ArchiveError, DatabaseError, MigrationError, StoreOpenError } from '@tidemark/store'
import { EXIT, type ExitCode } from './exit-code.ts'

/** The command line makes no sense. The message is one sentence: what, and what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Something the person at the terminal can mend; the message says what and how. */
export class PlainFailure extends Error {
  override readonly name = 'PlainFailure'
}

export interface Failure {
  readonly exit: ExitCode
  readonly reason: 'usage' | 'archive' | 'database' | 'migration' | 'files' | 'other'
  readonly message: string
}

/** `undefined` for a bug, which deserves its stack. */
export function toFailure(error: unknown): Failure | undefined {
  if (error instanceof UsageError) return { exit: EXIT.usage, reason: 'usage', message: error.message }
  if (error instanceof PlainFailure) return { exit: EXIT.unavailable, reason: 'other', message: error.message }
  if (error instanceof MigrationError) return { exit: EXIT.found, reason: 'migration', message: error.message }
  if (error instanceof ArchiveError) return { exit: EXIT.unavailable, reason: 'archive', message: error.message }
  if (error instanceof StoreOpenError || error instanceof EmbeddedPostgresError) {
    return { exit: EXIT.unavailable, reason: 'database', message: error.message }
  }
  if (error instanceof DatabaseError) {
    const message = `The database refused or could not be asked (${error.code}): ${error.message}`
    return { exit: EXIT.unavailable, reason: 'database', message }
  }
  const { code, path } = (error ?? {}) as { code?: unknown; path?: unknown }
  if (typeof code === 'string' && typeof path === 'string') {
    const message = `${path} cannot be used: ${error instanceof Error ? error.message : code}`
    return { exit: EXIT.unavailable, reason: 'files', message }
  }
  return undefined
}
