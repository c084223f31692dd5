import type { CommandResult } from '@tidemark/core'
import { expect, test } from 'vitest'
import { createResultsReader } from './results-reader.ts'
import type { AskedCommand } from './statements/command-results.ts'

const id = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const resultOf = ({ tenant, principal, command }: AskedCommand): CommandResult => ({
  kind: 'accepted',
  stream: `${tenant}/${principal}/${command}`,
  version: 1,
  lane: 0,
  position: 1,
  hash: '',
})

/** Knows the commands with an even number. */
function readerOfEven() {
  const calls: (readonly AskedCommand[])[] = []
  const read = createResultsReader(async (asked) => {
    calls.push(asked)
    return new Map(
      [...asked.entries()].flatMap(([n, ask]) => (/[02468]$/.test(ask.command) ? [[n, resultOf(ask)]] : [])),
    )
  })
  return { calls, read }
}

test('what is asked in one turn is one query, and everyone gets only what they asked for', async () => {
  const { calls, read } = readerOfEven()
  const [a, b, c] = await Promise.all([
    read('acme', 'ada', [id(1), id(2)]),
    read('acme', 'ben', [id(2)]),
    read('other', 'ada', [id(4), id(3)]),
  ])
  expect(calls).toHaveLength(1)
  expect([...a.entries()].map(([key, value]) => [key, value.stream])).toEqual([[id(2), `acme/ada/${id(2)}`]])
  expect(b.get(id(2))?.stream).toBe(`acme/ben/${id(2)}`)
  expect([...c.keys()]).toEqual([id(4)])
  expect(c.get(id(4))?.stream).toBe(`other/ada/${id(4)}`)
})

test('names and ids that no command can have are not asked for', async () => {
  const { calls, read } = readerOfEven()
  expect(await read('a\nb', 'ada', [id(2)])).toEqual(new Map())
  expect(await read('acme', '', [id(2)])).toEqual(new Map())
  expect(await read('acme', 'ada', ['no id'])).toEqual(new Map())
  expect(calls).toEqual([])
})

test('more than a thousand commands are more than one query, and an ask is never torn', async () => {
  const { calls, read } = readerOfEven()
  const ids = Array.from({ length: 600 }, (_, n) => id(n))
  const answers = await Promise.all([read('acme', 'ada', ids), read('acme', 'ben', ids)])
  expect(calls.map((call) => call.length)).toEqual([600, 600])
  expect(answers.map((answer) => answer.size)).toEqual([300, 300])
})

test('a failed query fails those who asked, and the next turn asks anew', async () => {
  let failing = true
  const read = createResultsReader(async (asked) => {
    if (failing) throw new Error('gone')
    return new Map(asked.map((ask, n) => [n, resultOf(ask)]))
  })
  const asked = [read('acme', 'ada', [id(1)]), read('acme', 'ben', [id(1)])]
  expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  failing = false
  expect((await read('acme', 'ada', [id(1)])).size).toBe(1)
})
