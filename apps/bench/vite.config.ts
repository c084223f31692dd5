import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The pages that the measurements run in. */
export default defineConfig({
  root: 'src/page',
  resolve: { conditions: ['@tidemark/source', 'module', 'browser', 'development|production'] },
  build: {
    outDir: '../../dist/site',
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: { input: { index: 'src/page/index.html', client: 'src/page/client.html' } },
  },
  plugins: [react()],
})
