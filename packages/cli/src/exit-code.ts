/** What scripts may rely on. */
export const EXIT = {
  /** Done, and nothing is wrong. */
  ok: 0,
  /** Done, and the answer is "no": damage was found, a stream is unknown, something could not be carried out. */
  found: 1,
  /** The command was not understood; nothing was done. */
  usage: 2,
  /** The database or a file could not be reached or used. Asking again later may help. */
  unavailable: 3,
  /** Stopped by a signal; what was done until then stays, and the command can be run again. */
  cancelled: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
