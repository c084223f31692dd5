// `npm start`: from a fresh clone to http://localhost:3000.
import { followNpm } from '../../../.ci/follow-npm.mjs'
import { requireNode } from '../../../.ci/node-version.mjs'

requireNode()
followNpm()
const { mainOf } = await import('../../../.ci/run-step.mjs')

await mainOf(async () => {
  const { prepareDirectory, preparePort } = await import('./prepare.mjs')
  await preparePort()
  prepareDirectory()
  const { install } = await import('../../../.ci/install.mjs')
  await install()
  const { build } = await import('../../../.ci/build.mjs')
  await build()
  process.env.NODE_ENV ??= 'production'
  // In this process: signals, exit codes and arguments are then the server's own, with nobody in between to lose them.
  await import('../dist/server/main.js')
})
