import { testDatabase } from '@tidemark/testing/postgres'
import { expect, test } from 'vitest'
import { createHints } from './hints.ts'

test('a process hears the hints of others, and not its own', async () => {
  const database = await testDatabase()
  const open = async (applicationName: string) => {
    const heard: number[] = []
    let listening = false
    const hints = createHints({
      url: database.url,
      applicationName,
      onHint: (lane) => void heard.push(lane),
      onListening: () => {
        listening = true
      },
    })
    await expect.poll(() => listening, { timeout: 20_000 }).toBe(true)
    return { ...hints, heard }
  }
  const [left, right] = await Promise.all([open('left'), open('right')])
  try {
    left.announce(1)
    await expect.poll(() => right.heard, { timeout: 20_000 }).toEqual([1])
    // Everybody hears in the order of the commits: its own would have come before this.
    right.announce(2)
    await expect.poll(() => left.heard, { timeout: 20_000 }).not.toEqual([])
    expect(left.heard).toEqual([2])
  } finally {
    await Promise.all([left.close(), right.close()])
    await database.drop()
  }
})
