import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * A worker in a process of its own, which `kill -9` ends and SIGSTOP freezes: a TypeScript module whose `work` is called with
 * the database's URL.
 */
export function startProcess(
  module: URL,
  url: string,
): { readonly child: ChildProcess; readonly ended: Promise<unknown> } {
  // Vite reads TypeScript as the tests do; it is vitest's, so it is found from there.
  const vite = pathToFileURL(
    createRequire(createRequire(import.meta.url).resolve('vitest/package.json')).resolve('vite'),
  )
  const worker = fileURLToPath(module)
  const code = `
    const { createServer } = await import(${JSON.stringify(vite.href)})
    const conditions = ['@tidemark/source', 'module', 'node', 'development']
    const server = await createServer({
      configFile: false, logLevel: 'error', root: ${JSON.stringify(fileURLToPath(new URL('.', module)))},
      appType: 'custom', server: { middlewareMode: true, hmr: false, ws: false, watch: null },
      optimizeDeps: { noDiscovery: true },
      resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions }, noExternal: [/^@tidemark/] },
    })
    const { work } = await server.ssrLoadModule(${JSON.stringify(worker)})
    await work(${JSON.stringify(url)})
  `
  const child = fork('-', [], {
    execPath: process.execPath,
    execArgv: ['--input-type=module', '--eval', code],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return { child, ended: once(child, 'exit') }
}
