import { defineConfig, type ReporterDescription } from '@playwright/test'

interface Chromium {
  readonly chromiumArgs: readonly string[]
  ensureChromium(): Promise<{ readonly path: string }>
}

// Plain Node, used before anything is built; it has no types to import.
const browser = (await import(new URL('../.ci/browser.mjs', import.meta.url).href)) as Chromium
// Looked for once: every worker loads this file again and inherits what the first one found.
process.env.TIDEMARK_CHROMIUM ??= (await browser.ensureChromium()).path

const report = process.env.PLAYWRIGHT_JSON_OUTPUT_NAME
const reporters: ReporterDescription[] = [['list']]
if (report !== undefined) reporters.push(['json', { outputFile: report }])

export default defineConfig({
  testDir: 'specs',
  globalSetup: './global-setup.ts',
  outputDir: 'test-results',
  // A depot, a proxy per device and one or two browsers each: more than two at once only wait for one another.
  workers: 2,
  fullyParallel: true,
  // A test that passes only the second time has failed.
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 120_000,
  // Generous, since it bounds a failure and never a success; promises about time are asserted by name.
  expect: { timeout: 20_000 },
  reporter: reporters,
  use: {
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    actionTimeout: 20_000,
    viewport: { width: 1280, height: 800 },
    launchOptions: { executablePath: process.env.TIDEMARK_CHROMIUM, args: [...browser.chromiumArgs] },
  },
})
