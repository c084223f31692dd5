// What the client weighs in a browser, by part; fails above the bars. A step of `npm run check`.
//
// Counted: everything that `@tidemark/client` and `@tidemark/react` export, bundled by the bundler that Vite uses, minified,
// each file gzipped by itself, in kB of 1,000 bytes. "First paint" is the entry and what it imports at once; "later" is
// fetched when it is needed, the journal's worker included. React is not counted: every app here has it. zod stands apart:
// the wire's schemas need it after the first paint, and an app whose domain is written in it has it anyway.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { PlainError, mainOf, root } from './run-step.mjs'

const FIRST_PAINT = 20
/** The mark is 70; what stands above it is the overlay in storage. Nothing may be added to it unseen. */
const TOTAL = 73

/** Each build counts one part more than the one before it; what it adds is that part's. */
const PARTS = [
  { name: 'client and react', external: ['react', 'zod', '@trpc', 'dexie', 'zustand', '@tidemark/core'] },
  { name: 'core', external: ['react', 'zod', '@trpc', 'dexie', 'zustand'] },
  { name: 'Dexie and zustand', external: ['react', 'zod', '@trpc'] },
  { name: 'tRPC', external: ['react', 'zod'] },
  { name: 'zod', external: ['react'] },
]

/** An app in miniature, seen from a package that has both as dependencies. */
const app = join(root, 'apps', 'depot', 'size.js')
const appCode = `
  import * as client from '@tidemark/client'
  import * as react from '@tidemark/react'
  globalThis.app = [client, react]
`

async function loadBundler() {
  const vite = createRequire(app).resolve('vite')
  return await import(pathToFileURL(createRequire(vite).resolve('rolldown')).href)
}

/** @returns {Promise<{ first: number, later: number }>} bytes */
async function measure(rolldown, input, external) {
  const bundle = await rolldown({
    input,
    platform: 'browser',
    external: external.map((name) => new RegExp(`^${name}(/|$)`)),
    resolve: { conditionNames: ['@tidemark/source', 'module', 'browser', 'production', 'import', 'default'] },
    transform: { target: 'es2023', define: { 'process.env.NODE_ENV': '"production"' } },
    plugins: [
      { name: 'app', resolveId: (id) => (id === app ? app : null), load: (id) => (id === app ? appCode : null) },
    ],
  })
  const { output } = await bundle.generate({ format: 'es', minify: true })
  await bundle.close()
  const files = new Map(output.map((file) => [file.fileName, file]))
  const first = new Set()
  const load = (name) => {
    const file = files.get(name)
    if (file === undefined || first.has(name)) return
    first.add(name)
    for (const each of file.imports) load(each)
  }
  for (const file of output) if (file.isEntry) load(file.fileName)
  const bytes = { first: 0, later: 0 }
  for (const file of output)
    bytes[first.has(file.fileName) ? 'first' : 'later'] += gzipSync(file.code, { level: 9 }).length
  return bytes
}

await mainOf(async () => {
  const { rolldown } = await loadBundler()
  const worker = join(root, 'packages', 'client', 'src', 'journal', 'journal-worker.ts')
  let before = { first: 0, later: -(await measure(rolldown, worker, [])).first }
  const sizes = new Map()
  for (const { name, external } of PARTS) {
    const all = await measure(rolldown, app, external)
    sizes.set(name, { first: all.first - before.first, later: all.later - before.later })
    before = all
  }
  const line = (name, { first, later }) =>
    console.log(
      name.padEnd(36) + [first, later, first + later].map((each) => (each / 1000).toFixed(1).padStart(12)).join(''),
    )
  const sum = (...names) =>
    names.reduce(
      (all, name) => ({ first: all.first + sizes.get(name).first, later: all.later + sizes.get(name).later }),
      { first: 0, later: 0 },
    )
  console.log(`${'kB, minified and gzipped'.padEnd(36)} first paint       later         all`)
  for (const [name, size] of sizes) line(name, size)
  const named = sum('client and react', 'Dexie and zustand', 'tRPC')
  line('client, react, core', sum('client and react', 'core'))
  line('client, react, Dexie, tRPC', named)
  line('everything but zod and React', sum('client and react', 'core', 'Dexie and zustand', 'tRPC'))
  const over = [
    [sizes.get('client and react').first, FIRST_PAINT, 'client and react weigh before the first paint'],
    [named.first + named.later, TOTAL, 'client, react, Dexie and tRPC weigh in all'],
  ].flatMap(([bytes, bar, what]) =>
    bytes > bar * 1000 ? [`What ${what}, ${(bytes / 1000).toFixed(1)} kB, is above the bar of ${bar} kB.`] : [],
  )
  if (over.length > 0)
    throw new PlainError(
      `${over.join('\n')}\nMove what the first paint does not need behind an import() (part.ts), or cut it.`,
    )
})
