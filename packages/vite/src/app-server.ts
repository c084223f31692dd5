import type { IncomingMessage, ServerResponse } from 'node:http'

/** What the plugin hands to the app's server entry. */
export interface AppServerOptions {
  /** Postgres to use: the embedded one, or what `DATABASE_URL` names. */
  readonly databaseUrl: string
  /** Folder for whatever else the server keeps on disk; it exists. */
  readonly directory: string
  /** Prints a line in Vite's output. */
  readonly log: (line: string) => void
}

/** A running server without a port of its own. */
export interface AppServer {
  /** Connect style: answers, or calls `next` for paths that are not its own. */
  handle(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void
  /** Ends streams, finishes what is under way and lets the database go. */
  close(): Promise<void>
}

/** What the module named by the plugin's `server` option must export. */
export interface AppServerModule {
  createServer(options: AppServerOptions): Promise<AppServer>
}
