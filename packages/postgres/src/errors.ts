/**
 * Why the embedded Postgres could not be started.
 * - `no-binaries`: there is no Postgres for this machine in node_modules, or its install script did not run.
 * - `no-permission`: the directory cannot be written or entered by the account that runs Postgres.
 * - `no-space`: the disk that holds the directory is full.
 * - `port-taken`: another program listens on the port that was asked for.
 * - `locked`: another process has been starting Postgres in this directory for too long.
 * - `still-there`: processes of a server that died in this directory have not ended yet.
 * - `failed`: Postgres gave up for another reason; the message ends with its own words.
 */
export type EmbeddedPostgresFailure =
  | 'no-binaries'
  | 'no-permission'
  | 'no-space'
  | 'port-taken'
  | 'locked'
  | 'still-there'
  | 'failed'

/** The message is one sentence for a person: what happened and what to do next. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly kind: EmbeddedPostgresFailure

  constructor(kind: EmbeddedPostgresFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** Turns a file-system error about `path` into the failure a person can act on; other errors pass unchanged. */
export function fileErrorToFailure(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new EmbeddedPostgresError(
      'no-permission',
      `Cannot write to ${path}: give this account write access to it, or choose another directory.`,
      { cause: error },
    )
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new EmbeddedPostgresError(
      'no-space',
      `The disk that holds ${path} is full: free some space (a new database needs about 60 MB) and start again.`,
      { cause: error },
    )
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new EmbeddedPostgresError(
      'no-permission',
      `${path} is not a directory: move that file away, or choose another directory.`,
      { cause: error },
    )
  return error
}

/** Reads what Postgres or initdb printed before it gave up. `port` is the one it was told to listen on. */
export function outputToFailure(output: string, context: { directory: string; port?: number }): EmbeddedPostgresError {
  if (/pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(output))
    return new EmbeddedPostgresError(
      'still-there',
      `A Postgres in ${context.directory} is running, or died a moment ago: wait for its processes to end, or stop them, and start again.`,
    )
  if (/Address already in use|could not bind/i.test(output))
    return new EmbeddedPostgresError(
      'port-taken',
      `Port ${context.port ?? '?'} is taken by another program: stop it, or choose another port for Postgres.`,
    )
  if (/No space left on device|disk quota exceeded/i.test(output))
    return new EmbeddedPostgresError(
      'no-space',
      `The disk that holds ${context.directory} is full: free some space and start again.`,
    )
  if (/error while loading shared libraries|image not found|Library not loaded/i.test(output))
    return new EmbeddedPostgresError(
      'no-binaries',
      'The Postgres in node_modules is incomplete because its install script did not run: allow it and install again.',
    )
  if (/Permission denied|Read-only file system/i.test(output))
    return new EmbeddedPostgresError(
      'no-permission',
      `Postgres may not use ${context.directory}: give its account access to it, or choose another directory.`,
    )
  const words = output.trim().split('\n').slice(-6).join('\n')
  return new EmbeddedPostgresError('failed', `Postgres did not start in ${context.directory}. It said:\n${words}`)
}
