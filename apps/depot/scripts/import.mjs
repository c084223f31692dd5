// `npm run import -- FILE [--json]`: beside a running app, or without one. Standard output belongs to the summary.
import { followNpm } from '../../../.ci/follow-npm.mjs'
import { requireNode } from '../../../.ci/node-version.mjs'

requireNode()
followNpm()
const { mainOf } = await import('../../../.ci/run-step.mjs')

await mainOf(async () => {
  const { prepareDirectory } = await import('./prepare.mjs')
  prepareDirectory()
  const { install } = await import('../../../.ci/install.mjs')
  await install()
  const { build } = await import('../../../.ci/build.mjs')
  await build()
  process.env.NODE_ENV ??= 'production'
  await import('../dist/server/import-main.js')
})
