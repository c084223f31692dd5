import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { aggregate, defineDomain, event, projection, type Page, type Transport } from '@tidemark/core'
import { createClient } from './create-client.ts'
import { createTestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, bob } from './test-support/shop-domain.ts'

interface NoteState {
  readonly box: string
  readonly text: string
}

const scope = ({ box }: Pick<NoteState, 'box'>): string => `box:${box}`

const Note = aggregate('note', {
  initial: (): NoteState => ({ box: '', text: '' }),
  scope,
  events: {
    written: event(z.object({ text: z.string() })),
    moved: event(z.object({ box: z.string() })),
  },
  evolve: {
    written: (note, { text }) => ({ ...note, text }),
    moved: (note, { box }) => ({ ...note, box }),
  },
  commands: (command) => ({
    write: command(z.object({ text: z.string() }), { decide: (_, input, { emit }) => emit.written(input) }),
    move: command(z.object({ box: z.string() }), { decide: (_, input, { emit }) => emit.moved(input) }),
  }),
})

const NoteList = projection('note-list', {
  on: Note,
  row: z.object({ box: z.string(), text: z.string() }),
  scope,
  fold: {
    moved: (row, e) => ({ box: e.data.box, text: row?.text ?? '' }),
    written: (row, e) => row && { ...row, text: e.data.text },
  },
})
/** The same list, in the release after. */
const MeasuredNoteList = projection('note-list', {
  on: Note,
  version: 2,
  row: z.object({ box: z.string(), text: z.string(), length: z.number() }),
  scope,
  fold: {
    moved: (row, e) => ({ box: e.data.box, text: row?.text ?? '', length: row?.length ?? 0 }),
    written: (row, e) => row && { ...row, text: e.data.text, length: e.data.text.length },
  },
})
const Boxes = projection('boxes', {
  on: Note,
  row: z.object({ box: z.string() }),
  scope,
  fold: { moved: (_, e) => e.data },
})

const notes = defineDomain({ name: 'notes', aggregates: [Note], projections: [NoteList, Boxes] })
const later = defineDomain({ name: 'notes', aggregates: [Note], projections: [MeasuredNoteList, Boxes] })

function put(server: MemorySyncServer, key: string, box: string, text = ''): void {
  server.act(bob, { type: 'note.move', stream: `note/${key}`, input: { box } })
  if (text !== '') server.act(bob, { type: 'note.write', stream: `note/${key}`, input: { text } })
}

/** The keys that a device shows. */
function shown({ client }: Pick<Device, 'client'>): { get(): readonly string[] } {
  const rows = client.rows(NoteList)
  rows.subscribe(() => undefined)
  return {
    get: () =>
      rows
        .get()
        .rows.map((each) => each.key)
        .toSorted(),
  }
}

/** A transport that keeps the pages it pulled. */
function recording(link: Transport): Transport & { readonly pages: Page[] } {
  const pages: Page[] = []
  return {
    ...link,
    pages,
    pull: async (request, signal) => {
      const reply = await link.pull(request, signal)
      if (reply.kind === 'page') pages.push(reply)
      return reply
    },
  }
}

const rowsOf = (pages: readonly Page[]): string[] =>
  pages.flatMap((page) => page.rows.map((row) => `${row.projection} ${row.key}`)).toSorted()

describe('scopes', () => {
  test('one that is granted comes whole and one that is taken away goes, while the rest is not sent again', async () => {
    const server = createMemorySyncServer(notes, { pageRows: 3 })
    for (const box of ['a', 'b', 'c']) for (const n of [1, 2]) put(server, `${box}${n}`, box)
    server.grant(ann, ['box:a', 'box:b'])
    const link = recording(server.connect(ann))
    const client = await createClient({
      domain: notes,
      principal: ann,
      transport: link,
      platform: createTestBrowser().tab().platform,
    })
    const keys = shown({ client })
    await until(() => expect(keys.get()).toEqual(['note/a1', 'note/a2', 'note/b1', 'note/b2']))
    link.pages.length = 0
    server.grant(ann, ['box:b', 'box:c'])
    await until(() => expect(keys.get()).toEqual(['note/b1', 'note/b2', 'note/c1', 'note/c2']))
    expect(new Set(rowsOf(link.pages).map((at) => at.split(' ')[1]))).toEqual(new Set(['note/c1', 'note/c2']))
    // What comes after it is followed as before.
    put(server, 'c3', 'c')
    await until(() => expect(keys.get()).toContain('note/c3'))
    await client.close()
  })

  test('what was written on a row that was taken away is kept, and sent', async () => {
    const server = createMemorySyncServer(notes)
    put(server, '1', 'a', 'as it was')
    server.grant(ann, ['box:a'])
    const device = await openDevice(server, { domain: notes })
    await untilLive(device)
    const keys = shown(device)
    await until(() => expect(keys.get()).toEqual(['note/1']))
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.dispatch(Note.commands.write, { stream: 'note/1', input: { text: 'mine' } })
    device.link.faults.answer = { kind: 'retry', after: 60_000, reason: 'unavailable' }
    server.grant(ann, [])
    goOnline(device)
    await until(() => expect(keys.get()).toEqual([]))
    expect(device.client.pending.get()).toMatchObject([{ stream: 'note/1', type: 'note.write' }])
    device.link.faults.answer = null
    device.browser.advance(60_000)
    await untilQuiet(device)
    expect(server.events('note/1').map((each) => each.type)).toContain('note.written')
  })

  test('a change in the middle of a long pull begins it again, and ends with what is granted', async () => {
    const server = createMemorySyncServer(notes, { pageRows: 2 })
    for (const box of ['a', 'b']) for (const n of [1, 2, 3]) put(server, `${box}${n}`, box)
    server.grant(ann, ['box:a'])
    const link = server.connect(ann)
    let pages = 0
    const changing: Transport = {
      ...link,
      pull: (request, signal) => {
        if (++pages === 3) server.grant(ann, ['box:b'])
        return link.pull(request, signal)
      },
    }
    const client = await createClient({
      domain: notes,
      principal: ann,
      transport: changing,
      platform: createTestBrowser().tab().platform,
    })
    const keys = shown({ client })
    await until(() => expect(keys.get()).toEqual(['note/b1', 'note/b2', 'note/b3']))
    await client.close()
  })

  test('whatever is written, moved, granted and taken away, the device ends with what it may see (I8)', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('put' as const),
          key: fc.constantFrom('1', '2', '3', '4'),
          box: fc.constantFrom('a', 'b', 'c'),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('grant' as const),
          scopes: fc.subarray(['box:a', 'box:b', 'box:c'], { minLength: 1 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'settle' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'cut' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 4 }), async (steps, pageRows) => {
        const server = createMemorySyncServer(notes, { pageRows })
        let granted: readonly string[] = ['box:a']
        server.grant(ann, granted)
        const device = await openDevice(server, { domain: notes })
        const keys = shown(device)
        const settled = (): Promise<void> =>
          until(() => {
            device.tab.wake()
            const may = [...server.rows('note-list')].filter(([, row]) => granted.includes(scope(row as NoteState)))
            expect(keys.get()).toEqual(may.map(([key]) => key).toSorted())
          })
        for (const at of steps) {
          if (at.kind === 'put') put(server, at.key, at.box)
          else if (at.kind === 'cut') device.link.cut()
          else if (at.kind === 'settle') await settled()
          else server.grant(ann, (granted = at.scopes))
        }
        await settled()
        await device.client.close()
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})

describe('projection versions', () => {
  test('without a network, a new release shows the rows that its code can read, and no others', async () => {
    const server = createMemorySyncServer(notes)
    for (const key of ['1', '2']) put(server, key, 'a', 'four')
    const browser = createTestBrowser()
    const before = await openDevice(server, { domain: notes, browser })
    await untilLive(before)
    await before.client.close()
    const unreadable = await openDevice(server, { domain: later, browser, faults: { offline: true } })
    const measured = unreadable.client.rows(MeasuredNoteList)
    measured.subscribe(() => undefined)
    await until(() => expect(measured.get()).toMatchObject({ status: 'ready', rows: [] }))
    const boxes = unreadable.client.rows(Boxes)
    boxes.subscribe(() => undefined)
    await until(() => expect(boxes.get().rows).toHaveLength(2))
    await unreadable.client.close()
    const again = await openDevice(server, { domain: notes, browser: createTestBrowser() })
    await untilLive(again)
    await again.client.close()
    const same = projection('note-list', {
      on: Note,
      version: 2,
      row: z.object({ box: z.string(), text: z.string(), stars: z.optional(z.number()) }),
      fold: {},
    })
    const readable = await openDevice(server, {
      domain: defineDomain({ name: 'notes', aggregates: [Note], projections: [same, Boxes] }),
      browser: again.browser,
      faults: { offline: true },
    })
    const rows = readable.client.rows(same)
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows.map((each) => each.row.text)).toEqual(['four', 'four']))
  })

  test('a release that raises one fetches the rows of that projection again, and no others', async () => {
    const server = createMemorySyncServer(later)
    for (const key of ['1', '2']) put(server, key, 'a', 'four')
    const browser = createTestBrowser()
    const before = await openDevice(server, { domain: notes, browser })
    await untilLive(before)
    await before.client.close()
    const link = recording(server.connect(ann))
    const client = await createClient({
      domain: later,
      principal: ann,
      transport: link,
      platform: browser.tab().platform,
    })
    const rows = client.rows(MeasuredNoteList)
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows.map((each) => each.row.length)).toEqual([4, 4]))
    await until(() => expect(client.status.get().connection).toBe('live'))
    expect(rowsOf(link.pages)).toEqual(['note-list note/1', 'note-list note/2'])
    await client.close()
  })
})
