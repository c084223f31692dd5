// `npm run dev`: one Vite process with Postgres, the API and the web app. Reads the sources; nothing is built.
import { fileURLToPath } from 'node:url'
import { requireNode } from '../../../.ci/node-version.mjs'

requireNode()
const { mainOf } = await import('../../../.ci/run-step.mjs')

await mainOf(async () => {
  const { prepareDirectory, preparePort } = await import('./prepare.mjs')
  await preparePort()
  prepareDirectory()
  const { install } = await import('../../../.ci/install.mjs')
  await install()
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
