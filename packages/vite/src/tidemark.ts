import { mkdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import {
  type DevEnvironment,
  type Plugin,
  type ViteDevServer,
  defaultClientConditions,
  defaultServerConditions,
  isRunnableDevEnvironment,
  normalizePath,
} from 'vite'
import type { AppServer, AppServerModule } from './app-server.ts'
import { type DevDatabase, leaseDevDatabase } from './dev-database.ts'
import { Reloader } from './reloader.ts'

export interface TidemarkPluginOptions {
  /** The app's server entry, relative to Vite's root: a module that exports `createServer`. */
  readonly server: string
  /** The data folder, relative to Vite's root. `TIDEMARK_DIR` wins over it. Default `.tidemark`. */
  readonly directory?: string
  /** First segments of the paths that the server answers; all others are Vite's. Default `trpc dev livez readyz`. */
  readonly paths?: readonly string[]
}

const SERVER_PATHS = ['trpc', 'dev', 'livez', 'readyz']

/** The server of one Vite dev server. */
interface Backend {
  readonly reloader: Reloader<AppServer>
  readonly database: DevDatabase
}

/**
 * Makes `vite` the whole development set-up: it starts Postgres, runs the app's server in Vite's own process and on its
 * port, and loads it anew when one of its modules changes. An edited domain reloads both sides; the browser's IndexedDB
 * is not touched. A build is left as it is.
 */
export function tidemark(options: TidemarkPluginOptions): Plugin {
  const backends = new Map<DevEnvironment, Backend>()
  return {
    name: 'tidemark',
    apply: 'serve',
    config: ({ root = process.cwd() }) => ({
      // Packages of the workspace are read from their sources: no build runs beside `vite`.
      resolve: { conditions: ['@tidemark/source', ...defaultClientConditions] },
      // A database writes all the time.
      server: { watch: { ignored: [`${normalizePath(dataDirectory(resolve(root), options))}/**`] } },
      ssr: {
        resolve: { conditions: ['@tidemark/source', ...defaultServerConditions] },
      },
    }),
    async configureServer(server) {
      // A test runner that borrows the app's Vite config wants neither a database nor a server.
      if (server.config.plugins.some((plugin) => plugin.name === 'vitest')) return
      const backend = await startBackend(server, options)
      backends.set(server.environments.ssr, backend)
      const paths = new Set(options.paths ?? SERVER_PATHS)
      server.middlewares.use((request, response, next) => {
        const [, segment = ''] = /^\/([^/?]*)/.exec(request.url ?? '') ?? []
        if (paths.has(segment)) void answer(backend, request, response, next)
        else next()
      })
    },
    hotUpdate({ modules }) {
      const backend = backends.get(this.environment)
      if (backend === undefined) return undefined
      // After a failed load, or amid one, the graph may not know all that the server imports.
      if (modules.length > 0 || backend.reloader.unsettled) void backend.reloader.reload()
      // Vite's own way would run the entry a second time beside the first.
      return []
    },
    async closeBundle() {
      const { environment } = this
      const backend = environment.mode === 'dev' ? backends.get(environment) : undefined
      if (backend === undefined || environment.mode !== 'dev') return
      backends.delete(environment)
      await backend.reloader.close()
      await backend.database.release()
    },
  }
}

function dataDirectory(root: string, options: TidemarkPluginOptions): string {
  return resolve(root, process.env['TIDEMARK_DIR'] || options.directory || '.tidemark')
}

async function startBackend(vite: ViteDevServer, options: TidemarkPluginOptions): Promise<Backend> {
  const { root, logger } = vite.config
  const log = (line: string) => logger.info(line, { timestamp: true })
  const directory = dataDirectory(root, options)
  await mkdir(directory, { recursive: true })
  const database = await leaseDevDatabase(directory, log)
  const entry = resolve(root, options.server)
  const environment = vite.environments.ssr
  if (!isRunnableDevEnvironment(environment))
    throw new Error('The ssr environment of Vite was replaced by one that runs no modules in this process.')
  const reloader = new Reloader<AppServer>({
    prepare: async () => {
      environment.runner.clearCache()
      const module = await environment.runner.import<Partial<AppServerModule>>(entry)
      const { createServer } = module
      if (createServer === undefined) throw new Error(`${entry} does not export createServer.`)
      return () => createServer({ databaseUrl: database.url, directory, log })
    },
    onSettled: (error) => {
      if (error === undefined) log('The server is up to date.')
      else showError(vite, error)
    },
  })
  await reloader.reload()
  return { reloader, database }
}

/** In the terminal, and over the page as Vite shows its own errors. */
function showError(vite: ViteDevServer, error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  vite.config.logger.error(`The server could not be loaded: ${stack ?? message}`, { timestamp: true })
  vite.environments.client.hot.send({
    type: 'error',
    err: { message: `The server could not be loaded: ${message}`, stack: stack ?? '', plugin: 'tidemark' },
  })
}

async function answer(
  backend: Backend,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
): Promise<void> {
  let server: AppServer
  try {
    server = await backend.reloader.current()
  } catch {
    response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '1' })
    response.end('The server could not be loaded: the terminal that runs Vite says why.')
    return
  }
  try {
    server.handle(request, response, next)
  } catch (error) {
    next(error)
  }
}
