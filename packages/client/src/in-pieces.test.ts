import { expect, test } from 'vitest'
import { inPieces, readInPieces } from './in-pieces.ts'

const numbers = Array.from({ length: 1_050 }, (_, at) => at)

test('everything is handed over once and in order, and while one piece is written the next one waits', async () => {
  const pieces: { readonly of: readonly number[]; readonly done: () => void }[] = []
  let most = 0
  let open = 0
  const all = inPieces(numbers, (of) => {
    most = Math.max(most, ++open)
    return new Promise<void>((resolve) => {
      pieces.push({
        of,
        done: () => {
          open -= 1
          resolve()
        },
      })
    })
  })
  for (let at = 0; at < pieces.length; at += 1) {
    pieces[at]?.done()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  expect(pieces.flatMap(({ of }) => of)).toEqual(numbers)
  expect(most).toBe(2)
  expect(Math.max(...pieces.map(({ of }) => of.length))).toBeLessThanOrEqual(100)
})

test('what fails is told, and nothing is handed over after it', async () => {
  let pieces = 0
  const failing = inPieces(numbers, () => {
    pieces += 1
    return pieces === 2 ? Promise.reject(new Error('full')) : Promise.resolve()
  })
  await expect(failing).rejects.toThrow('full')
  expect(pieces).toBe(3)
})

test('what is read piece by piece stands in the order in which it was asked for', async () => {
  expect(await readInPieces(numbers, (piece) => Promise.resolve(piece.map((each) => each * 2)))).toEqual(
    numbers.map((each) => each * 2),
  )
})
