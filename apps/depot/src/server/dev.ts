import type { IncomingMessage, ServerResponse } from 'node:http'
import { createDepot } from './create-depot.ts'
import { loadDemo } from './demo/load-demo.ts'
import { createProgressLine } from './import/progress.ts'

export interface DevServerOptions {
  readonly databaseUrl: string
  readonly directory: string
  readonly log: (line: string) => void
}

/** The depot's server inside `vite`: no port and no files of its own. */
export async function createServer(options: DevServerOptions): Promise<{
  handle(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void
  close(): Promise<void>
}> {
  const { databaseUrl, directory, log } = options
  const depot = await createDepot({ databaseUrl, directory })
  try {
    const progress = createProgressLine({
      label: 'Loading the demo data',
      terminal: false,
      write: (text) => log(text.trimEnd()),
    })
    if ((await loadDemo({ store: depot.store, onProgress: progress.update })) === 'loaded')
      log('The demo data is loaded.')
  } catch (error) {
    await depot.close()
    throw error
  }
  return { handle: (request, response, next) => depot.handle(request, response, next), close: () => depot.close() }
}
