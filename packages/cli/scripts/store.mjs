// `npm run store -- …`: `tidemark store …` of this checkout, on the depot's domain and data where nothing else is named.
import { join } from 'node:path'
import { requireNode } from '../../../.ci/node-version.mjs'

requireNode()
const { mainOf, root } = await import('../../../.ci/run-step.mjs')

await mainOf(async () => {
  const { install } = await import('../../../.ci/install.mjs')
  await install()
  const { build } = await import('../../../.ci/build.mjs')
  await build()
  process.env.TIDEMARK_DIR ??= join(root, '.tidemark')
  process.env.TIDEMARK_DOMAIN ??= join(root, 'apps', 'depot', 'dist', 'domain', 'index.js')
  process.argv.splice(2, 0, 'store')
  await import('../bin/tidemark.mjs')
})
