import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'

export default defineConfig(async ({ command }) => ({
  // `source` first: the workspace's packages are read from their `src`, in development and in the build.
  resolve: { conditions: ['@tidemark/source', 'module', 'browser', 'development|production'] },
  build: { outDir: 'dist/web', emptyOutDir: true, target: 'es2023' },
  plugins: [
    react(),
    tailwindcss(),
    VitePWA({
      registerType: 'prompt',
      // `src/web/shell/app-update.ts` registers it: an inline script would need a hole in the content security policy.
      injectRegister: false,
      manifest: {
        id: '/',
        name: 'Tidemark Depot',
        short_name: 'Depot',
        description: 'Orders and inventory of a small warehouse, with or without a network.',
        lang: 'en',
        start_url: '/orders',
        scope: '/',
        display: 'standalone',
        background_color: '#f5f7f6',
        theme_color: '#0b5d5e',
        categories: ['business', 'productivity'],
        icons: [
          { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
          { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
          { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        ],
        shortcuts: [
          { name: 'New order', url: '/orders/new', icons: [{ src: 'icon-192.png', sizes: '192x192' }] },
          { name: 'Stock', url: '/stock', icons: [{ src: 'icon-192.png', sizes: '192x192' }] },
        ],
      },
      workbox: {
        // Everything the app is made of, so that it starts with no network at all; every path is the app's own.
        globPatterns: ['**/*.{html,js,css,woff2,svg,png,ico,webmanifest}'],
        navigateFallback: '/index.html',
        navigateFallbackDenylist: [/^\/trpc/, /^\/dev\//, /^\/livez/, /^\/readyz/],
        cleanupOutdatedCaches: true,
        clientsClaim: false,
      },
    }),
    // Postgres and the API inside `vite`; a build needs neither.
    ...(command === 'serve' ? [(await import('@tidemark/vite')).tidemark({ server: './src/server/dev.ts' })] : []),
  ],
}))
