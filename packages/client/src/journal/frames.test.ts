import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFrames, encodeFrame } from './frames.ts'

const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 })

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

describe('a file of frames', () => {
  test('gives back what was appended, whatever it is', () => {
    fc.assert(
      fc.property(payloads, (written) => {
        expect(decodeFrames(join(written.map(encodeFrame)))).toEqual({ payloads: written, damaged: 0, torn: false })
      }),
    )
  })

  test('cut anywhere, gives every frame before the cut and says that the last one is torn', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (written, place) => {
        const frames = written.map(encodeFrame)
        const whole = join(frames)
        const at = place % whole.length
        let end = 0
        const complete = frames.filter((frame) => (end += frame.length) <= at).length
        const read = decodeFrames(whole.subarray(0, at))
        expect(read.payloads).toEqual(written.slice(0, complete))
        const isAtBoundary = join(frames.slice(0, complete)).length === at
        expect(read).toMatchObject({ damaged: 0, torn: !isAtBoundary })
      }),
    )
  })

  test('with one byte changed anywhere, gives every other frame and never a wrong one', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, place, change) => {
        const frames = written.map(encodeFrame)
        const bytes = join(frames)
        const at = place % bytes.length
        bytes[at] = (bytes[at] as number) ^ change
        let end = 0
        const hit = frames.findIndex((frame) => (end += frame.length) > at)
        const read = decodeFrames(bytes)
        expect(read.payloads).toEqual(written.filter((_, index) => index !== hit))
        // Damage to the last frame's length may look like a torn end.
        expect(read.damaged + (read.torn ? 1 : 0)).toBe(1)
        if (hit < frames.length - 1) expect(read.torn).toBe(false)
      }),
    )
  })

  test('is not led astray by the mark of a frame inside a payload', () => {
    const inner = encodeFrame(Uint8Array.of(1, 2, 3))
    const bytes = join([encodeFrame(inner), encodeFrame(Uint8Array.of(9))])
    expect(decodeFrames(bytes).payloads).toEqual([inner, Uint8Array.of(9)])
  })
})
