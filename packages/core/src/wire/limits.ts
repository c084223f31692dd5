/** Version of the wire. A server talks to clients of this version; others are told so and keep everything. */
export const PROTOCOL_VERSION = 1

/** Limits that both sides know, so that a client never sends what a server will not take. */
export const WIRE_LIMITS = {
  /** Commands in one push. */
  commandsPerPush: 200,
  /** Bytes of one request body. */
  bodyBytes: 1_048_576,
  /** UTF-16 units of one command's encoded input. */
  inputLength: 65_536,
  /** Rows in one page. */
  rowsPerPage: 2_000,
  /** Command ids a pull may ask outcomes for. */
  awaitingPerPull: 1_000,
  /** Tokens, and streams, that one read may ask to have reached: those of one push. */
  tokensPerRead: 200,
  /** Milliseconds that one read may wait for them. */
  readWaitMs: 10_000,
} as const
