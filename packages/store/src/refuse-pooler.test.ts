import { expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { DatabaseError } from './errors.ts'
import { refusePooler } from './refuse-pooler.ts'

/** Two connections; `before` runs ahead of each call and may change what it will see. */
function probe(before: (world: { pids: [number, number]; losses: number; calls: number }) => void) {
  const world = { pids: [1, 2] as [number, number], losses: 0, calls: 0 }
  const marks = new Map<number, string>()
  const driver = (index: 0 | 1): Driver => ({
    async query<R extends object>(_text: string, parameters: readonly unknown[] = []) {
      world.calls++
      before(world)
      const pid = world.pids[index]
      if (typeof parameters[0] === 'string') marks.set(pid, parameters[0])
      return [{ pid, mark: marks.get(pid) ?? null, lockTimeout: 5_000 }] as unknown as R[]
    },
    script: () => Promise.resolve(),
    close: () => Promise.resolve(),
  })
  return { drivers: [driver(0), driver(1)] as const, lockTimeoutMs: 5_000, losses: () => world.losses, world }
}

test('sessions that stay are left in peace after six calls', async () => {
  const { world, ...sessions } = probe(() => {})
  await refusePooler(sessions)
  expect(world.calls).toBe(6)
})

test('backends that change without a lost connection are refused at once', async () => {
  const { world, ...pooler } = probe((at) => {
    at.pids = at.calls % 2 === 0 ? [1, 1] : [3, 3]
  })
  await expect(refusePooler(pooler)).rejects.toMatchObject({ kind: 'pooler' })
  expect(world.calls).toBe(6)
})

test('a backend that was killed meanwhile looks the same, and is looked at again', async () => {
  const { world, ...killed } = probe((at) => {
    if (at.calls !== 4) return
    at.pids = [7, 2]
    at.losses++
  })
  await refusePooler(killed)
  expect(world.calls).toBe(12)
})

test('but not for ever', async () => {
  const { world, ...killed } = probe((at) => {
    if (at.calls % 6 !== 4) return
    at.pids = [at.calls + 10, 2]
    at.losses++
  })
  await expect(refusePooler(killed)).rejects.toMatchObject({ kind: 'pooler' })
  expect(world.calls).toBe(18)
})

test('a call that was lost with its connection is repeated; a server that cannot be asked is not a pooler', async () => {
  const { world, ...lost } = probe((at) => {
    if (at.calls !== 2) return
    at.losses++
    throw new DatabaseError('unknown', 'CONNECTION_CLOSED', 'closed', {})
  })
  await refusePooler(lost)
  expect(world.calls).toBe(8)
  const nobody = probe(() => {
    throw new DatabaseError('not-sent', 'ECONNREFUSED', 'nobody there', {})
  })
  await expect(refusePooler(nobody)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test.each([
  ['26000', 'prepared statement "x" does not exist'],
  ['42P05', 'prepared statement "x" already exists'],
  ['08P01', 'unsupported startup parameter: lock_timeout'],
])('a pooler’s own words are understood: %s', async (code, message) => {
  const speaking = probe(() => {
    throw new DatabaseError('rejected', code, message, {})
  })
  await expect(refusePooler(speaking)).rejects.toMatchObject({ kind: 'pooler', cause: { code } })
})
