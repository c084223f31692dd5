import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// `source` first: workspace packages are read from their `src`, so that no test ever runs against a stale build.
const conditions = ['@tidemark/source', 'module', 'node', 'development']

const reading = {
  // One fixed file: otherwise the nearest tsconfig.json is read with everything it references, for every source file.
  tsconfig: fileURLToPath(new URL('tsconfig.test.json', import.meta.url)),
  resolve: { conditions },
  ssr: { resolve: { conditions } },
}

const root = fileURLToPath(new URL('..', import.meta.url))
const never = ['**/node_modules/**', '**/dist/**']

export default defineConfig({
  test: {
    projects: [
      {
        ...reading,
        test: {
          root,
          name: 'unit',
          include: ['packages/*/src/**/*.test.{ts,tsx}', 'apps/*/src/**/*.test.{ts,tsx}'],
          exclude: [...never, '**/*.pg.test.ts', '**/*.web.test.{ts,tsx}'],
          // What a test waits for has its own deadline; this one only ends a test that hangs, on a busy machine too.
          testTimeout: 30_000,
        },
      },
      {
        ...reading,
        test: {
          root,
          name: 'pg',
          include: ['packages/*/src/**/*.pg.test.ts', 'apps/*/src/**/*.pg.test.ts'],
          exclude: never,
          // One Postgres for the whole run; every test takes a database of its own from it.
          globalSetup: 'packages/testing/src/postgres-global-setup.ts',
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
