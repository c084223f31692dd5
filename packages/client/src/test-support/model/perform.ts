import type { PushAnswer } from '@tidemark/core'
import { IDBFactory } from 'fake-indexeddb'
import type { Resolution } from '../../work.ts'
import type { Act } from './acts.ts'
import { RELEASES, somebodyElse } from './model-domain.ts'
import { tagOf } from './oracle.ts'
import { pass, passUntil, type ModelDevice, type ModelTab, type World } from './world.ts'

const SAID: Readonly<Record<string, PushAnswer | null>> = {
  overloaded: { kind: 'retry', after: 700, reason: 'overloaded' },
  broken: { kind: 'retry', after: 0, reason: 'unavailable' },
  invalid: { kind: 'invalid', reason: 'domain_error', issues: [] },
  none: null,
}

/** What acts need to remember from one to the next. */
export interface Doings {
  backup: (() => void) | null
  /** Calls of the client that have not come back. */
  readonly open: Set<Promise<unknown>>
}

/** Does one act, without waiting for what comes of it. */
export async function perform(world: World, doings: Doings, act: Act): Promise<void> {
  const { server } = world
  const tabs = world.tabs()
  const tab = 'tab' in act ? tabs[act.tab % Math.max(1, tabs.length)] : undefined
  const device = 'device' in act ? (world.devices[act.device % world.devices.length] as ModelDevice) : undefined
  switch (act.kind) {
    case 'write':
      if (tab !== undefined && !tab.frozen) write(world, doings, tab, act)
      break
    case 'elsewhere': {
      const board = world.boards[act.board % Math.max(1, world.boards.length)]
      if (board === undefined) break
      const input = act.command === 'add' || act.command === 'later' ? { size: 2 } : {}
      server.act(somebodyElse, {
        type: `board.${act.command}`,
        stream: board,
        input: { ...input, tag: world.newTag() },
      })
      break
    }
    case 'network':
      if (tab !== undefined) changeNetwork(tab, act.how)
      break
    case 'deliver':
      tab?.network.letThrough(act.which)
      break
    case 'replay':
      tab?.network.replay(act.which)
      break
    case 'answer':
      if (tab !== undefined) tab.link.faults.answer = SAID[act.how] ?? null
      break
    case 'server':
      changeServer(world, doings, act.how)
      break
    case 'time':
      device?.browser.advance(act.seconds * 1_000)
      break
    case 'tab':
      if (tab !== undefined) await changeTab(world, tab, act.how)
      break
    case 'open':
      if (device !== undefined && device.tabs.length < 3) await world.openTab(device)
      break
    case 'die':
      tab?.storage.dieAfter(act.writes, () => world.kill(tab))
      break
    case 'storage':
      if (act.how === 'heals') tab?.storage.heal()
      else tab?.storage.failNext(act.writes, act.how)
      break
    case 'lose':
      if (device !== undefined) await lose(world, device, act.what)
      break
    case 'upgrade':
      if (device === undefined || device.release === 2) break
      device.release = 2
      for (const each of device.tabs) world.kill(each)
      await world.openTab(device)
      break
    case 'decide':
      if (tab !== undefined && !tab.frozen) decide(world, doings, tab, act)
      break
  }
}

function track(doings: Doings, tab: ModelTab, world: World, call: Promise<unknown>): void {
  const tracked = call
    .catch((error: unknown) => {
      if (!tab.dead) world.oracle.fail('a call rejected', String(error))
    })
    .finally(() => doings.open.delete(tracked))
  doings.open.add(tracked)
}

function write(world: World, doings: Doings, tab: ModelTab, act: Extract<Act, { kind: 'write' }>): void {
  const { Board } = RELEASES[tab.release]
  const tag = world.newTag()
  // A new board every now and then, otherwise one that is there.
  const place = act.board % (world.boards.length + 2)
  const known = world.boards[place]
  const stream = known ?? tab.client.newStream(Board)
  if (known === undefined) world.addBoard(stream)
  const command = Board.commands[known === undefined ? 'open' : act.command]
  const input = tab.release === 2 && (command === Board.commands.add || command === Board.commands.later)
  world.oracle.written(tab.name, stream, tag)
  const call = tab.client
    .dispatch(command, { stream, input: (input ? { tag, size: 1 } : { tag }) as never })
    .then((result) => {
      if (!tab.dead) world.oracle.answered(tag, result.kind)
    })
  track(doings, tab, world, call)
}

function decide(world: World, doings: Doings, tab: ModelTab, act: Extract<Act, { kind: 'decide' }>): void {
  const entries = tab.client.attention.get()
  const entry = entries[act.which % Math.max(1, entries.length)]
  if (entry === undefined) return
  const by = world.newTag()
  const old = tagOf(entry)
  const behind = new Set(entry.blocked)
  const blocked = tab.client.pending.get().flatMap((each) => (behind.has(each.id) ? [tagOf(each)] : []))
  if (act.how === 'edit') world.oracle.decided([old], { of: old, by })
  else if (act.how !== 'retry') world.oracle.decided([old, ...(act.how === 'take-theirs' ? blocked : [])], null)
  const resolution: Resolution =
    act.how === 'edit' ? { kind: 'edit', input: { ...(entry.input as object), tag: by } } : { kind: act.how }
  const call = tab.client.resolve(entry.id, resolution).then((result) => {
    if (act.how === 'edit' && result.kind === 'resolved' && !tab.dead) world.oracle.answered(by, 'stored')
  })
  track(doings, tab, world, call)
}

function changeNetwork(tab: ModelTab, how: Extract<Act, { kind: 'network' }>['how']): void {
  const { faults } = tab.link
  switch (how) {
    case 'offline':
      faults.offline = true
      tab.link.cut()
      break
    case 'online':
      faults.offline = false
      faults.loseReplies = false
      tab.tab.wake()
      break
    case 'loses':
      faults.loseReplies = true
      break
    case 'hold':
      tab.network.hold()
      break
    case 'flow':
      tab.network.flow()
      break
  }
}

function changeServer(world: World, doings: Doings, how: Extract<Act, { kind: 'server' }>['how']): void {
  const { server, oracle } = world
  switch (how) {
    case 'hold':
      server.hold()
      break
    case 'release':
      server.release()
      break
    case 'forget':
      server.forgetCursors()
      break
    case 'backUp':
      // What no page shows yet is no part of a backup of rows.
      server.release()
      doings.backup ??= server.backUp()
      break
    case 'putBack':
      if (doings.backup === null) break
      world.look()
      oracle.putBack()
      doings.backup()
      doings.backup = null
      break
  }
}

async function changeTab(world: World, tab: ModelTab, how: Extract<Act, { kind: 'tab' }>['how']): Promise<void> {
  switch (how) {
    case 'close': {
      if (tab.frozen) break
      let isClosed = false
      const closing = tab.client.close().finally(() => {
        isClosed = true
      })
      tab.device.tabs = tab.device.tabs.filter((each) => each !== tab)
      if (!(await passUntil(() => isClosed, 2_000))) world.oracle.fail('I13', `${tab.name} does not close`)
      else await closing
      world.kill(tab)
      break
    }
    case 'kill':
      world.kill(tab)
      break
    case 'freeze':
      tab.frozen = true
      tab.tab.freeze()
      break
    case 'thaw':
      tab.frozen = false
      tab.tab.thaw()
      break
    case 'wake':
      tab.tab.wake()
      break
  }
}

/** One of the two copies of pending work goes, where the other one has had the time to be whole. */
async function lose(world: World, device: ModelDevice, what: 'database' | 'journal'): Promise<void> {
  await pass(60)
  const isWhole = device.tabs.length > 0 && device.tabs.every((each) => isHealthy(each))
  if (!isWhole) return
  for (const each of device.tabs) world.kill(each)
  if (what === 'journal') {
    device.browser.journals.files.clear()
  } else {
    // What the server had confirmed was kept for the case that it loses it.
    world.look()
    world.oracle.forgotten()
    device.browser.indexedDB = new IDBFactory()
  }
  await world.openTab(device)
}

function isHealthy(tab: ModelTab): boolean {
  return !tab.frozen && tab.client.status.get().secondCopy === 'kept'
}
