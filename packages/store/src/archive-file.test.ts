import { newId } from '@tidemark/testing/event-store-contract'
import { expect, test } from 'vitest'
import { checksumOf, decodeArchive, encodeArchive, type ArchivedChunk, type ArchivedEvent } from './archive-file.ts'

const event = (version: number, part: Partial<ArchivedEvent> = {}): ArchivedEvent => ({
  lane: 2,
  position: version * 10,
  id: newId(),
  tenant: 'acme',
  stream: 'order/ü 1',
  version,
  type: 'order.placed',
  schema: 1,
  data: { text: 'line\nbreak "quoted" \u2028', n: 0.1, nothing: null },
  metadata: {},
  principal: 'ada',
  device: null,
  command: newId(),
  hash: newId(),
  occurredAt: '2026-11-21T10:00:00.000Z',
  recordedAt: '2026-11-21T10:00:00.001Z',
  ...part,
})
const events = [event(4), event(5, { data: null, command: null, hash: null }), event(6)]

async function encoded(of: readonly ArchivedEvent[]): Promise<{ chunk: ArchivedChunk; content: Uint8Array }> {
  const { name, content, checksum } = await encodeArchive(of)
  const chunk: ArchivedChunk = {
    tenant: 'acme',
    stream: 'order/ü 1',
    lane: 2,
    firstVersion: 4,
    lastVersion: 6,
    firstPosition: 40,
    lastPosition: 60,
    file: name,
    checksum,
    archivedAt: '2026-11-21T11:00:00.000Z',
  }
  return { chunk, content }
}

test('events come back with every column as it was', async () => {
  const { chunk, content } = await encoded(events)
  expect(await decodeArchive(chunk, content)).toMatchObject({ kind: 'events', events })
})

test('the name tells lane, versions and content, and is one that any storage takes', async () => {
  const { chunk } = await encoded(events)
  expect(chunk.file).toMatch(/^lane-2\/[0-9a-f]{2}\/[0-9a-f]{32}\/4-6-[0-9a-f]{16}\.jsonl\.br$/)
  expect((await encoded(events)).chunk.file).toBe(chunk.file)
  expect((await encoded([event(4), ...events.slice(1)])).chunk.file).not.toBe(chunk.file)
})

test('a file with one changed byte is damaged', async () => {
  const { chunk, content } = await encoded(events)
  const changed = content.slice()
  changed[10] = (changed[10] ?? 0) ^ 1
  expect(await decodeArchive(chunk, changed)).toEqual({ kind: 'damaged', reason: 'its checksum is another' })
  // Nor does a checksum that fits make another content good.
  expect(await decodeArchive({ ...chunk, checksum: checksumOf(changed) }, changed)).toMatchObject({ kind: 'damaged' })
})

test.each([
  ['of another stream', events.map((e) => ({ ...e, stream: 'order/2' }))],
  ['with an event too few', events.slice(0, 2)],
  ['with versions out of order', [event(4), event(6), event(5)]],
  ['with positions out of order', [event(4), event(5, { position: 70 }), event(6)]],
  ['that ends elsewhere', [event(4), event(5), event(6, { position: 61 })]],
])('a file %s is not the one that was archived', async (_, other) => {
  const { chunk } = await encoded(events)
  const { content, checksum } = await encodeArchive(other)
  expect(await decodeArchive({ ...chunk, checksum }, content)).toMatchObject({ kind: 'damaged' })
})
