import { once } from 'node:events'
import { mkdtempSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ViteDevServer, createServer } from 'vite'
import { tidemark } from './tidemark.ts'

const SERVER = `
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { greeting } from '../domain.ts'

export async function createServer({ databaseUrl, directory, log }) {
  appendFileSync(join(directory, 'events'), 'open ' + greeting + '\\n')
  return {
    handle(request, response, next) {
      if (request.url === '/livez') response.end(JSON.stringify({ greeting, databaseUrl }))
      else next()
    },
    async close() {
      appendFileSync(join(directory, 'events'), 'close ' + greeting + '\\n')
    },
  }
}
`

let root: string
let vite: ViteDevServer | undefined

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-vite-test-')))
  mkdirSync(join(root, 'server'))
  writeFileSync(join(root, 'index.html'), '<script type="module" src="/web.ts"></script><p>the page</p>')
  writeFileSync(join(root, 'web.ts'), `import { greeting } from './domain.ts'\ndocument.title = greeting\n`)
  writeFileSync(join(root, 'server', 'dev.ts'), SERVER)
  greet('hello')
})
afterEach(async () => {
  await vite?.close()
  vite = undefined
  rmSync(root, { recursive: true, force: true })
})

function greet(greeting: string) {
  writeFileSync(join(root, 'domain.ts'), `export const greeting: string = '${greeting}'\n`)
}

async function start(): Promise<string> {
  vite = await createServer({
    root,
    configFile: false,
    logLevel: 'silent',
    // The watcher swallows a second change of a file within 50 ms: looked at this rarely, no two are that close.
    server: { port: 0, host: '127.0.0.1', watch: { usePolling: true, interval: 300 } },
    plugins: [tidemark({ server: './server/dev.ts' })],
  })
  await vite.listen()
  const address = vite.httpServer?.address()
  if (typeof address !== 'object' || address === null) throw new Error('Vite does not listen.')
  return `http://127.0.0.1:${address.port}`
}

async function livez(url: string): Promise<{ greeting: string; databaseUrl: string }> {
  return (await (await fetch(`${url}/livez`)).json()) as { greeting: string; databaseUrl: string }
}

async function accepts(databaseUrl: string): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(databaseUrl).port) })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

test('one Vite server serves the page and the API, over a Postgres that ends with it', async () => {
  const url = await start()
  expect(await (await fetch(url)).text()).toContain('the page')
  const { greeting, databaseUrl } = await livez(url)
  expect(greeting).toBe('hello')
  expect(await accepts(databaseUrl)).toBe(true)
  await vite?.close()
  expect(await accepts(databaseUrl)).toBe(false)
})

test('an edited domain reloads the server and the page, and the database stays', async () => {
  const url = await start()
  const before = await livez(url)
  // The browser has loaded it too.
  expect(await (await fetch(`${url}/domain.ts`)).text()).toContain('hello')
  greet('good morning')
  await expect.poll(async () => (await livez(url)).greeting, { timeout: 10_000 }).toBe('good morning')
  expect(await (await fetch(`${url}/domain.ts?t=${Date.now()}`)).text()).toContain('good morning')
  expect((await livez(url)).databaseUrl).toBe(before.databaseUrl)
})

test('a syntax error keeps the last good server, and its correction is picked up', async () => {
  const url = await start()
  const errors: string[] = []
  if (vite !== undefined) vite.config.logger.error = (message) => void errors.push(message)
  writeFileSync(join(root, 'domain.ts'), `export const greeting = 'half`)
  await expect.poll(() => errors.join(), { timeout: 10_000 }).toContain('The server could not be loaded')
  expect((await livez(url)).greeting).toBe('hello')
  greet('whole')
  await expect.poll(async () => (await livez(url)).greeting, { timeout: 10_000 }).toBe('whole')
})

test('a restart of Vite keeps the database and leaves one server', async () => {
  const url = await start()
  const before = await livez(url)
  await vite?.restart()
  const address = vite?.httpServer?.address()
  const port = typeof address === 'object' && address !== null ? address.port : Number(new URL(url).port)
  expect((await livez(`http://127.0.0.1:${port}`)).databaseUrl).toBe(before.databaseUrl)
  expect(await accepts(before.databaseUrl)).toBe(true)
  const events = readFileSync(join(root, '.tidemark', 'events'), 'utf8')
    .trim()
    .split('\n')
  expect(events).toEqual(['open hello', 'open hello', 'close hello'])
})
