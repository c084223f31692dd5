import * as fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { acts, type Act } from './test-support/model/acts.ts'
import { FOUND } from './test-support/model/found.ts'
import { runModel } from './test-support/model/run-model.ts'

/** The short form. `npm run model -- --runs … --seed …` is the long one, and repeats what one of them has found. */
const seed = Number(process.env['TIDEMARK_SEED'] ?? 1)
const numRuns = Number(process.env['TIDEMARK_RUNS'] ?? 25)

const troubles: unknown[] = []
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation((...said) => {
    troubles.push(...said)
  })
})

async function run(pageRows: number, list: readonly Act[]): Promise<void> {
  troubles.length = 0
  await runModel(pageRows, list)
  // Storage may fail, and says so; the engine's own code may not.
  expect(troubles.filter((each) => each instanceof TypeError || each instanceof RangeError)).toEqual([])
}

describe('devices to which anything may happen', () => {
  test(`keep every promise at every moment (seed ${String(seed)}, ${String(numRuns)} runs)`, async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(500, 3, 1), acts, run), { seed, numRuns })
  }, 86_400_000)

  test.each(FOUND)('do not do again what was found: $what', async ({ pageRows, acts: list }) => {
    await run(pageRows, list)
  })
})
