import type { AbortSignalLike } from '@tidemark/core'

/** All that a command may touch of the process it runs in. */
export interface Io {
  /** Relative paths of arguments start here. */
  readonly directory: string
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Standard error is watched by a person: progress may rewrite its line. */
  readonly isTerminal: boolean
  readonly out: (text: string) => Promise<void>
  readonly err: (text: string) => void
  /** Asks the command to stop. */
  readonly signal: AbortSignalLike
}
