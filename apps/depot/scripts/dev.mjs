// `npm run dev`: one Vite process with Postgres, the API and the web app. Reads the sources.
import { fileURLToPath } from 'node:url'
import { followNpm } from '../../../.ci/follow-npm.mjs'
import { requireNode } from '../../../.ci/node-version.mjs'

requireNode()
followNpm()
const { PlainError, mainOf, node } = await import('../../../.ci/run-step.mjs')

await mainOf(async () => {
  const { prepareDirectory, preparePort } = await import('./prepare.mjs')
  await preparePort()
  prepareDirectory()
  const { install } = await import('../../../.ci/install.mjs')
  await install()
  // The plugin itself is loaded by Node, which reads no TypeScript; everything else comes from the sources.
  const plugin = await node('node_modules/typescript/bin/tsc', ['-b', 'packages/vite'])
  if (!plugin.ok) throw new PlainError('The Vite plugin could not be built: the errors are above.')
  process.chdir(fileURLToPath(new URL('..', import.meta.url)))
  const { createServer } = await import('vite')
  const server = await createServer({ server: { port: Number(process.env.PORT || 3000), strictPort: true } })
  await server.listen()
  server.printUrls()
  server.bindCLIShortcuts({ print: true })
  let closing = false
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (closing) return
      closing = true
      void server.close().then(() => process.exit(0))
    })
})
