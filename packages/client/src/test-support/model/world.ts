import { createClient } from '../../create-client.ts'
// Loaded on demand by the client: reading the files would take its own time, not turns.
import '../../journal/second-copy.ts'
import '../../after-first-paint.ts'
import type { TidemarkClient } from '../../tidemark-client.ts'
import { createTestBrowser, type TestBrowser, type TestTab } from '../browser.ts'
import { createMemorySyncServer, type MemorySyncServer, type ServerLink } from '../memory-sync-server.ts'
import { createDoomedStorage, type DoomedStorage } from './doomed-storage.ts'
import { author, RELEASES } from './model-domain.ts'
import { createOracle, type Frame, type Oracle } from './oracle.ts'
import { createUnrulyNetwork, type UnrulyNetwork } from './unruly-network.ts'

/** Two devices of one person, with tabs that come and go, and a server: all that acts are done to. */
export interface World {
  readonly server: MemorySyncServer
  readonly devices: readonly ModelDevice[]
  readonly oracle: Oracle
  /** Boards that were ever written on. */
  readonly boards: readonly string[]
  addBoard(board: string): void
  newTag(): string
  openTab(device: ModelDevice): Promise<void>
  kill(tab: ModelTab): void
  /** Every tab that is there. */
  tabs(): ModelTab[]
  /** What all tabs show is held against the model. */
  look(): void
}

export interface ModelDevice {
  readonly name: string
  readonly browser: TestBrowser
  release: 1 | 2
  tabs: ModelTab[]
}

export interface ModelTab {
  readonly name: string
  readonly device: ModelDevice
  readonly release: 1 | 2
  readonly client: TidemarkClient
  readonly tab: TestTab
  readonly link: ServerLink
  readonly network: UnrulyNetwork
  readonly storage: DoomedStorage
  frozen: boolean
  dead: boolean
  watch(board: string): void
  frame(): Frame
}

/** Lets what is under way go on for so many turns of the event loop: the same in every run, on every machine. */
export async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** `false`: it did not come true within so many turns. */
export async function passUntil(check: () => boolean, turns: number): Promise<boolean> {
  for (let turn = 0; turn < turns; turn++) {
    if (check()) return true
    await pass(1)
  }
  return check()
}

export function createWorld(pageRows: number): World {
  const server = createMemorySyncServer(RELEASES[2].domain, { pageRows })
  const oracle = createOracle()
  const boards: string[] = []
  const random = numbersFrom(pageRows)
  const device = (name: string): ModelDevice => ({ name, browser: createTestBrowser(), release: 1, tabs: [] })
  const devices = [device('laptop'), device('phone')]
  let tabs = 0
  let tags = 0

  function look(): void {
    for (const board of boards) oracle.accepted(board, server.events(board))
    for (const each of world.tabs()) each.frame()
  }

  const world: World = {
    server,
    devices,
    oracle,
    boards,
    newTag: () => `t${String(++tags)}`,
    addBoard: (board) => {
      boards.push(board)
      for (const each of world.tabs()) each.watch(board)
    },
    tabs: () => devices.flatMap((each) => each.tabs),
    look,
    kill: (tab) => {
      if (tab.dead) return
      tab.dead = true
      tab.device.tabs = tab.device.tabs.filter((each) => each !== tab)
      tab.tab.kill()
      tab.network.end()
      tab.storage.kill()
    },
    openTab: async (of) => {
      const { browser, release } = of
      const { Board, Boards, Tags, domain } = RELEASES[release]
      const name = `${of.name} tab ${String(++tabs)}`
      const tab = browser.tab()
      const storage = createDoomedStorage(browser.indexedDB)
      const link = server.connect(author)
      const network = createUnrulyNetwork(tab.online(link))
      let client: TidemarkClient | undefined
      const opening = createClient({
        domain,
        principal: author,
        transport: network.transport,
        platform: {
          ...tab.platform,
          indexedDB: storage.indexedDB,
          random: (bytes) => {
            for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256)
          },
          jitter: random,
        },
      }).then((made) => {
        client = made
      })
      await passUntil(() => client !== undefined, 4_000)
      if (client === undefined) {
        oracle.fail('I13', `${name} does not open`)
        return void opening
      }
      const opened = client
      const states = new Map<string, ReturnType<typeof stateOf>>()
      const rows = new Map<string, ReturnType<typeof rowOf>>()
      const stateOf = (board: string) => opened.state(Board, board)
      const rowOf = (board: string) => opened.row(Boards, board)
      const all = opened.row(Tags, 'all')
      const made: ModelTab = {
        name,
        device: of,
        release,
        client: opened,
        tab,
        link,
        network,
        storage,
        frozen: false,
        dead: false,
        watch: (board) => {
          states.set(board, stateOf(board))
          rows.set(board, rowOf(board))
          states.get(board)?.subscribe(show)
          rows.get(board)?.subscribe(show)
        },
        frame: () => {
          const everything = all.get()
          return {
            tab: name,
            pending: opened.pending.get(),
            states: new Map([...states].flatMap(([at, live]) => present(at, live.get()))),
            all: typeof everything === 'object' ? everything.row.tags : undefined,
            counts: new Map(
              [...rows].flatMap(([at, live]) => {
                const row = live.get()
                return typeof row === 'object' ? [[at, row.row.count] as const] : []
              }),
            ),
          }
        },
      }
      /** Whenever any of it is told to have changed: what would be painted is held against the model. */
      function show(): void {
        if (made.dead) return
        for (const board of boards) oracle.accepted(board, server.events(board))
        oracle.see(made.frame())
      }
      of.tabs.push(made)
      for (const board of boards) made.watch(board)
      for (const live of [all, opened.pending, opened.attention, opened.status]) live.subscribe(show)
    },
  }
  return world
}

function present<T>(at: string, value: T | undefined): [string, T][] {
  return value === undefined ? [] : [[at, value]]
}

/** Mulberry32: small, and the same everywhere. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
