// @vitest-environment jsdom
import { act, cleanup, render } from '@testing-library/react'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { Profiler, StrictMode, type ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { createClient, LOADING, type TidemarkClient } from '@tidemark/client'
import { aggregate, defineDomain, event, hasRole, projection, type Principal, type Transport } from '@tidemark/core'
import { useStore } from 'zustand'
import {
  storeOf,
  TidemarkProvider,
  useAggregate,
  useAllows,
  useClient,
  useConflicts,
  useDispatch,
  usePending,
  useRow,
  useRows,
  useSyncStatus,
} from './index.ts'

const Note = aggregate('note', {
  initial: () => ({ text: '' }),
  events: { written: event(z.object({ text: z.string() })) },
  evolve: { written: (_, { text }) => ({ text }) },
  commands: (command) => ({
    write: command(z.object({ text: z.string().min(1) }), {
      decide: (note, input, { emit, refuse }) => (note.text === 'sealed' ? refuse('is_sealed') : emit.written(input)),
    }),
    burn: command(z.object({}), { allow: hasRole('manager'), decide: () => [] }),
  }),
})
const NoteList = projection('note-list', {
  on: Note,
  row: z.object({ text: z.string(), at: z.string() }),
  fold: { written: (_, e) => ({ text: e.data.text, at: e.occurredAt }) },
  indexes: { byText: ['text'] },
})
const notes = defineDomain({ name: 'notes', aggregates: [Note], projections: [NoteList] })
const ann: Principal = { id: 'ann', tenant: 'north', name: 'Ann', roles: ['clerk'] }

/** A server that is out of reach: all that a screen shows comes from the device. */
const unreachable: Transport = {
  push: () => Promise.resolve({ kind: 'unreachable', message: '' }),
  pull: () => Promise.resolve({ kind: 'unreachable', message: '' }),
  history: () => Promise.resolve({ kind: 'unreachable', message: '' }),
  live: () => Promise.resolve({ kind: 'unreachable', message: '' }),
}

let client: TidemarkClient
beforeEach(async () => {
  client = await createClient({
    domain: notes,
    principal: ann,
    transport: unreachable,
    platform: {
      indexedDB: new IDBFactory(),
      keyRange: IDBKeyRange,
      locks: undefined,
      channel: () => undefined,
      persist: () => Promise.resolve(undefined),
      persisted: () => Promise.resolve(undefined),
      // No retries: the network never changes here.
      setTimer: () => () => undefined,
    },
  })
  await vi.waitFor(() => expect(client.status.get().connection).toBe('offline'))
})
afterEach(async () => {
  cleanup()
  await client.close()
})

function mount(screen: () => ReactNode, options: { strict?: boolean } = {}): { commits: () => number } {
  let commits = 0
  const Screen = (): ReactNode => screen()
  const tree = (
    <TidemarkProvider client={client}>
      <Profiler id="screen" onRender={() => (commits += 1)}>
        <Screen />
      </Profiler>
    </TidemarkProvider>
  )
  render(options.strict === true ? <StrictMode>{tree}</StrictMode> : tree)
  return { commits: () => commits }
}

const write = (stream: string, text: string) => client.dispatch(Note.commands.write, { stream, input: { text } })
const settle = (check: () => void) => act(async () => await vi.waitFor(check))

describe('useRows', () => {
  test('shows a dispatched change in one render, with an inline query', async () => {
    const seen: string[][] = []
    const { commits } = mount(() => {
      const { rows, status } = useRows(NoteList, { index: 'byText', where: {}, limit: 10 })
      seen.push([status, ...rows.map((row) => row.row.text)])
      return null
    })
    await settle(() => expect(seen.at(-1)).toEqual(['ready']))
    const before = commits()
    const stream = client.newStream(Note)
    await act(async () => {
      await write(stream, 'hello')
    })
    expect(seen.at(-1)).toEqual(['ready', 'hello'])
    expect(commits() - before).toBe(1)
  })

  test('keeps rows and list as they are when something else changes', async () => {
    const lists: unknown[] = []
    mount(() => {
      lists.push(useRows(NoteList, { index: 'byText', where: { text: 'a' } }).rows)
      usePending()
      return null
    })
    const a = client.newStream(Note)
    await act(async () => {
      await write(a, 'a')
    })
    await settle(() => expect(lists.at(-1)).toHaveLength(1))
    const before = lists.at(-1)
    const renders = lists.length
    await act(async () => {
      await write(client.newStream(Note), 'b')
    })
    // `usePending` made it render again; the list is the very same one.
    expect(lists.length).toBeGreaterThan(renders)
    expect(lists.at(-1)).toBe(before)
  })

  test('does not render where its rows did not change', async () => {
    const { commits } = mount(() => {
      useRows(NoteList, { where: { text: 'a' } })
      return null
    })
    await settle(() => expect(client.rows(NoteList, { where: { text: 'a' } }).get().status).toBe('ready'))
    const before = commits()
    await act(async () => {
      await write(client.newStream(Note), 'b')
    })
    expect(commits()).toBe(before)
  })

  test('is told once per change under StrictMode, and lets go when it leaves', async () => {
    const texts: string[] = []
    mount(
      () => {
        const { rows } = useRows(NoteList)
        texts.push(rows.map((row) => row.row.text).join())
        return null
      },
      { strict: true },
    )
    await settle(() => expect(client.rows(NoteList).get().status).toBe('ready'))
    await act(async () => {
      await write(client.newStream(Note), 'a')
    })
    expect(texts.at(-1)).toBe('a')
    cleanup()
    const rendered = texts.length
    await write(client.newStream(Note), 'b')
    expect(texts.length).toBe(rendered)
  })
})

test('useRow is loading, absent, then there; useAggregate follows the state', async () => {
  const stream = client.newStream(Note)
  const rows: unknown[] = []
  const states: unknown[] = []
  const { commits } = mount(() => {
    rows.push(useRow(NoteList, stream))
    states.push(useAggregate(Note, stream)?.state)
    return null
  })
  expect(rows[0]).toBe(LOADING)
  await settle(() => expect(rows.at(-1)).toBeUndefined())
  const before = commits()
  await act(async () => {
    await write(stream, 'a')
  })
  expect(rows.at(-1)).toMatchObject({ row: { text: 'a' }, pending: 1 })
  expect(states.at(-1)).toEqual({ text: 'a' })
  expect(commits() - before).toBe(1)
})

test('useDispatch is stable and answers in values', async () => {
  const all: unknown[] = []
  const ones: ReturnType<typeof useWrite>[] = []
  function useWrite() {
    return useDispatch(Note.commands.write)
  }
  mount(() => {
    all.push(useDispatch())
    ones.push(useWrite())
    usePending()
    return null
  })
  const stream = client.newStream(Note)
  await act(async () => {
    expect(await ones[0]?.(stream, { text: 'sealed' })).toMatchObject({ kind: 'stored' })
  })
  expect(await ones[0]?.(stream, { text: 'x' })).toEqual({ kind: 'refused', code: 'is_sealed', params: {} })
  expect(all.length).toBeGreaterThan(1)
  expect(new Set(all).size).toBe(1)
  expect(new Set(ones).size).toBe(1)
})

test('usePending, useConflicts, useSyncStatus and useAllows show what the client knows', async () => {
  let pending: readonly unknown[] = []
  let attention: readonly unknown[] = []
  let resolve: ReturnType<typeof useConflicts>['resolve'] | undefined
  let status: ReturnType<typeof useSyncStatus> | undefined
  const allows: boolean[] = []
  mount(() => {
    pending = usePending()
    ;({ attention, resolve } = useConflicts())
    status = useSyncStatus()
    allows.push(useAllows(Note.commands.write), useAllows(Note.commands.burn))
    expect(useClient()).toBe(client)
    return null
  })
  await act(async () => {
    await write(client.newStream(Note), 'a')
  })
  expect(pending).toMatchObject([{ type: 'note.write', cause: { kind: 'offline' } }])
  expect(attention).toEqual([])
  expect(await resolve?.('nothing', { kind: 'retry' })).toEqual({ kind: 'gone' })
  expect(status).toMatchObject({ connection: 'offline', pending: 1, leader: true })
  expect(allows.slice(0, 2)).toEqual([true, false])
})

test('a live value is a zustand store: a selector renders only when what it selects changes', async () => {
  const { commits } = mount(() => {
    useStore(storeOf(client.pending), (pending) => pending.length > 0)
    return null
  })
  await act(async () => {
    await write(client.newStream(Note), 'a')
  })
  const before = commits()
  await act(async () => {
    await write(client.newStream(Note), 'b')
  })
  expect(commits()).toBe(before)
  const seen: number[][] = []
  const stop = storeOf(client.pending).subscribe((now, then) => seen.push([then.length, now.length]))
  await write(client.newStream(Note), 'c')
  stop()
  expect(seen).toEqual([[2, 3]])
})

test('a hook outside the provider says what is missing', () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const Lost = (): ReactNode => {
    usePending()
    return null
  }
  expect(() => render(<Lost />)).toThrow('wrap this part of the app in <TidemarkProvider')
})
