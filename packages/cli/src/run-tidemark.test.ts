import { expect, test } from 'vitest'
import { EXIT } from './exit-code.ts'
import { runTidemark } from './run-tidemark.ts'
import { testIo } from './test-io.ts'

test.each([
  [['stroe'], 'There is no command "stroe" here: try '],
  [['store', 'streams', 'list'], 'There is no command "list" here: try show.'],
  [['store', 'verify', '--rnage', '5'], 'There is no option --rnage here.'],
  [['store', 'verify', 'now'], '1 arguments were given where 0 are expected.'],
  [['store', 'streams', 'show', 'acme'], 'Missing required positional argument: STREAM'],
  [['store', 'toString'], 'There is no command "toString" here'],
])('%j is refused with a sentence, before any database is asked', async (args, sentence) => {
  const io = testIo()
  expect(await runTidemark(args, io)).toBe(EXIT.usage)
  expect(io.written.err).toContain(sentence)
  expect(io.written.out).toBe('')
})

test('with --json a failure is an object too', async () => {
  const io = testIo({ DATABASE_URL: 'mysql://x' })
  expect(await runTidemark(['store', 'verify', '--json'], io)).toBe(EXIT.usage)
  expect(JSON.parse(io.written.out)).toMatchObject({ kind: 'failed', reason: 'usage' })
})

test('a data folder that is not there is not made by a command that only reads', async () => {
  const io = testIo({ TIDEMARK_DIR: 'data' })
  expect(await runTidemark(['store', 'verify'], io)).toBe(EXIT.unavailable)
  expect(io.written.err).toContain('There is no data in /nowhere/data/postgres')
})

test('a database that does not answer is unavailable', async () => {
  const io = testIo({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  expect(await runTidemark(['store', 'migrate', '--json'], io)).toBe(EXIT.unavailable)
  expect(JSON.parse(io.written.out)).toMatchObject({ kind: 'failed', reason: 'database' })
})

test('a group alone shows its commands and is an error, with --help it is none', async () => {
  const alone = testIo()
  expect(await runTidemark(['store'], alone)).toBe(EXIT.usage)
  expect(alone.written.err).toContain('verify')
  const helped = testIo()
  expect(await runTidemark(['store', '--help'], helped)).toBe(EXIT.ok)
  expect(helped.written.out).toContain('verify')
})
