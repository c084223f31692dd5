import { createRequire } from 'node:module'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The pages that the measurements run in. */
export default defineConfig({
  root: 'src/page',
  resolve: {
    conditions: ['@tidemark/source', 'module', 'browser', 'development|production'],
    // RxDB's. Its ES build needs tslib, which pnpm leaves out where it updates an installation that is there.
    alias: [{ find: /^rxjs$/, replacement: createRequire(import.meta.url).resolve('rxjs') }],
  },
  build: {
    outDir: '../../dist/site',
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: {
      input: { index: 'src/page/index.html', client: 'src/page/client.html', sync: 'src/page/sync.html' },
    },
  },
  plugins: [react()],
})
