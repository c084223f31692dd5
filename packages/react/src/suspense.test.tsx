// @vitest-environment jsdom
import { act, cleanup, render } from '@testing-library/react'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import {
  Component,
  Profiler,
  StrictMode,
  Suspense,
  useLayoutEffect,
  useState,
  useTransition,
  type ReactNode,
} from 'react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { createClient, LOADING, type RowsSnapshot, type StoredLive, type TidemarkClient } from '@tidemark/client'
import { aggregate, defineDomain, event, projection, type Principal, type Transport } from '@tidemark/core'
import { TidemarkProvider, useRowsAhead, useSuspenseRow, useSuspenseRows } from './index.ts'

const Note = aggregate('note', {
  initial: () => ({ text: '' }),
  events: { written: event(z.object({ text: z.string() })) },
  evolve: { written: (_, { text }) => ({ text }) },
  commands: (command) => ({
    write: command(z.object({ text: z.string() }), { decide: (_, input, { emit }) => emit.written(input) }),
  }),
})
const NoteList = projection('note-list', {
  on: Note,
  row: z.object({ text: z.string() }),
  fold: { written: (_, e) => ({ text: e.data.text }) },
  indexes: { byText: ['text'] },
})
const notes = defineDomain({ name: 'notes', aggregates: [Note], projections: [NoteList] })
const ann: Principal = { id: 'ann', tenant: 'north', name: 'Ann', roles: ['clerk'] }
const away = (): Promise<{ kind: 'unreachable'; message: string }> =>
  Promise.resolve({ kind: 'unreachable', message: '' })
const unreachable: Transport = { push: away, pull: away, history: away, live: away }

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
      setTimer: () => () => undefined,
    },
  })
  await vi.waitFor(() => expect(client.status.get().connection).toBe('offline'))
})
afterEach(async () => {
  cleanup()
  await client.close()
})

const write = (text: string, stream = client.newStream(Note)) =>
  client.dispatch(Note.commands.write, { stream, input: { text } })
// What React has put off runs when an act ends, so one ends before each look.
const settle = (check: () => void): Promise<void> =>
  vi.waitFor(
    async () => {
      await act(() => Promise.resolve())
      check()
    },
    { timeout: 5_000, interval: 5 },
  )

/** Shows an error that a screen throws, in words. */
class Boundary extends Component<{ readonly children: ReactNode }, { readonly message?: string }> {
  override state: { readonly message?: string } = {}
  static getDerivedStateFromError(error: Error): { message: string } {
    return { message: error.message }
  }
  override render(): ReactNode {
    return this.state.message === undefined ? this.props.children : <p>failed: {this.state.message}</p>
  }
}

async function mount(screen: () => ReactNode, options: { strict?: boolean; client?: TidemarkClient } = {}) {
  let commits = 0
  const fallbacks: string[] = []
  const Screen = (): ReactNode => screen()
  const Fallback = (): ReactNode => {
    // On screen, not only tried.
    useLayoutEffect(() => void fallbacks.push('loading'), [])
    return <p>loading</p>
  }
  const tree = (
    <TidemarkProvider client={options.client ?? client}>
      <Boundary>
        <Profiler id="screen" onRender={() => (commits += 1)}>
          <Suspense fallback={<Fallback />}>
            <Screen />
          </Suspense>
        </Profiler>
      </Boundary>
    </TidemarkProvider>
  )
  const container = document.createElement('div')
  // Awaited, as React asks of screens that suspend.
  await act(() => {
    render(options.strict === true ? <StrictMode>{tree}</StrictMode> : tree, { container })
    return Promise.resolve()
  })
  return { container, commits: () => commits, fallbacks }
}

test.each([false, true])(
  'a screen waits for its first rows and never sees them loading (StrictMode: %s)',
  async (strict) => {
    await write('hello')
    const seen: string[] = []
    const { container, commits, fallbacks } = await mount(
      () => {
        const { status, rows } = useSuspenseRows(NoteList, { index: 'byText' })
        seen.push(status)
        return <p>{rows.map(({ row }) => row.text).join()}</p>
      },
      { strict },
    )
    expect(container.textContent).toBe('loading')
    await settle(() => expect(container.textContent).toBe('hello'))
    expect(new Set(seen)).toEqual(new Set(['ready']))
    // It has waited once, and every change is one more commit.
    expect(new Set(fallbacks).size).toBe(1)
    const before = commits()
    await act(async () => void (await write('world')))
    expect(container.textContent).toBe('hello,world')
    expect(commits() - before).toBe(1)
    expect(client.rows(NoteList, { index: 'byText' }).get().rows).toHaveLength(2)
  },
)

test('a row is waited for, absent or there', async () => {
  const [stream, absent] = [client.newStream(Note), 'note/none']
  await write('hello', stream)
  const seen: unknown[] = []
  const { container } = await mount(() => {
    const here = useSuspenseRow(NoteList, stream)
    const gone = useSuspenseRow(NoteList, absent)
    seen.push(here, gone)
    return <p>{`${here?.row.text} ${gone === undefined ? 'absent' : 'there'}`}</p>
  })
  await settle(() => expect(container.textContent).toBe('hello absent'))
  expect(seen).not.toContain(LOADING)
})

test('another query in a transition keeps the rows on screen until its own are there', async () => {
  await write('a')
  await write('b')
  let show: (text: string) => void = () => undefined
  const shown: string[] = []
  const { container, fallbacks } = await mount(() => {
    const [text, setText] = useState('a')
    const [isPending, startTransition] = useTransition()
    show = (next) => startTransition(() => setText(next))
    const { rows } = useSuspenseRows(NoteList, { where: { text } })
    shown.push(`${rows.map(({ row }) => row.text).join()}${isPending ? ' …' : ''}`)
    return <p>{shown.at(-1)}</p>
  })
  await settle(() => expect(container.textContent).toBe('a'))
  const waited = fallbacks.length
  await act(() => {
    show('b')
    return Promise.resolve()
  })
  await settle(() => expect(container.textContent).toBe('b'))
  expect(shown).toContain('a …')
  expect(fallbacks).toHaveLength(waited)
})

/** Lists that are read, or not, when the test says so. */
function slowLists() {
  const begun: string[] = []
  const ends = new Map<string, { read(): void; fail(error: Error): void }>()
  const lives = new Map<string, StoredLive<RowsSnapshot<unknown>>>()
  const liveOf = (name: string): StoredLive<RowsSnapshot<unknown>> => {
    let now: RowsSnapshot<unknown> = { status: 'loading', rows: [], more: false }
    const { promise, resolve, reject } = withResolvers()
    ends.set(name, {
      read: () => {
        now = { status: 'ready', rows: [], more: false }
        resolve()
      },
      fail: reject,
    })
    let looked = false
    return {
      get: () => {
        if (!looked) begun.push(name)
        looked = true
        return now
      },
      subscribe: () => () => undefined,
      ready: () => promise,
    }
  }
  const slow = {
    rows: (_: unknown, { index = '' }: { readonly index?: string } = {}) => {
      const live = lives.get(index) ?? liveOf(index)
      lives.set(index, live)
      return live
    },
  } as unknown as TidemarkClient
  return { slow, begun, end: (name: string) => ends.get(name) }
}

function withResolvers() {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

test('lists that are begun ahead are read side by side', async () => {
  const { slow, begun, end } = slowLists()
  const { container } = await mount(
    () => {
      useRowsAhead(NoteList, { index: 'two' })
      const one = useSuspenseRows(NoteList, { index: 'one' })
      const two = useSuspenseRows(NoteList, { index: 'two' })
      return <p>{`${one.status} ${two.status}`}</p>
    },
    { client: slow },
  )
  expect(container.textContent).toBe('loading')
  expect(begun).toEqual(['two', 'one'])
  await act(async () => {
    end('two')?.read()
    end('one')?.read()
  })
  await settle(() => expect(container.textContent).toBe('ready ready'))
})

test('what the device cannot read reaches the error boundary', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { slow, end } = slowLists()
  const { container } = await mount(() => <p>{useSuspenseRows(NoteList).status}</p>, { client: slow })
  expect(container.textContent).toBe('loading')
  await act(async () => end('')?.fail(new Error('no storage')))
  await settle(() => expect(container.textContent).toBe('failed: no storage'))
})
