import { Dexie } from 'dexie'
import { IDBKeyRange } from 'fake-indexeddb'
import { databaseNameOf } from '../../database.ts'
import type { Act } from './acts.ts'
import { author, RELEASES } from './model-domain.ts'
import { perform, type Doings } from './perform.ts'
import { tagOf } from './oracle.ts'
import { createWorld, pass, type ModelDevice, type ModelTab, type World } from './world.ts'

/** Does the acts one after the other, lets all come to rest, and throws what was not as the model has it. */
export async function runModel(pageRows: number, acts: readonly Act[]): Promise<void> {
  const world = createWorld(pageRows)
  const doings: Doings = { backup: null, open: new Set() }
  for (const device of world.devices) await world.openTab(device)
  try {
    for (const [index, act] of acts.entries()) {
      await perform(world, doings, act)
      await pass(act.turns)
      check(world, `after act ${String(index + 1)}, ${act.kind}`)
    }
    await comeToRest(world, doings)
    check(world, 'at rest')
    await decideAll(world, doings)
    check(world, 'when all was decided')
  } finally {
    for (const tab of world.tabs()) world.kill(tab)
  }
}

function check(world: World, when: string): void {
  world.look()
  const { violation } = world.oracle
  if (violation !== null) throw new Error(`${violation} (${when})`)
}

/** Faults end. Within a bounded time nothing may be left but what waits for a person (I13). */
async function comeToRest(world: World, doings: Doings): Promise<void> {
  world.server.release()
  for (const device of world.devices) {
    for (const tab of device.tabs) {
      Object.assign(tab.link.faults, { offline: false, loseReplies: false, answer: null })
      tab.storage.heal()
      tab.network.flow()
      if (tab.frozen) tab.tab.thaw()
      tab.frozen = false
    }
    // Nobody looks at a tab, or says that the network is back: it has to find out.
    if (device.tabs.length === 0) await world.openTab(device)
  }
  for (let round = 0; round < 700; round++) {
    await pass(12)
    if (doings.open.size === 0 && unrest(world) === null) break
    for (const device of world.devices) device.browser.advance(2_000)
  }
  const left = unrest(world)
  if (left !== null) world.oracle.fail(left.rule, left.what)
  if (doings.open.size > 0) world.oracle.fail('I13', `${String(doings.open.size)} calls do not come back`)
  const pending = new Set(world.tabs().flatMap(({ client }) => client.pending.get().map((each) => tagOf(each))))
  world.oracle.conclude(new Map(world.boards.map((board) => [board, world.server.events(board)])), pending)
}

interface Unrest {
  readonly rule: string
  readonly what: string
}

/** What keeps the world from being quiet; `null`: nothing. */
function unrest(world: World): Unrest | null {
  for (const tab of world.tabs()) {
    const found = stall(tab) ?? divergence(world, tab)
    if (found !== null) return found
  }
  return null
}

/** Whatever can be sent is sent, and confirmed; what is left waits for a person (I13). */
function stall({ name, client }: ModelTab): Unrest | null {
  const { connection, leader } = client.status.get()
  const pending = client.pending.get()
  const isMoving = pending.some((each) => each.state !== 'set-aside' && each.state !== 'blocked')
  if (connection === 'live' && !isMoving) return null
  const causes = pending.map((each) => `${tagOf(each)} ${each.cause.kind}`).join(', ')
  return { rule: 'I13', what: `${name} (${connection}, leader: ${String(leader)}) stalls with ${causes}` }
}

/** Every tab shows the server's rows but where a person has to decide, and the tabs of a device agree (I8). */
function divergence({ server, boards }: World, tab: ModelTab): Unrest | null {
  const frame = tab.frame()
  const held = new Set(frame.pending.map((each) => each.stream))
  const [first] = tab.device.tabs
  const ids = (of: ModelTab): string =>
    of.client.pending
      .get()
      .map((each) => each.id)
      .join(' ')
  if (first !== undefined && ids(first) !== ids(tab))
    return { rule: 'I8', what: `${tab.name} and ${first.name} have other pending commands` }
  const everything = boards.flatMap((board) => server.events(board))
  if (held.size === 0 && everything.length !== Object.keys(frame.all ?? {}).length)
    return { rule: 'I8', what: `${tab.name} has another number of tags in the row of all` }
  for (const board of boards) {
    const there = server.events(board).map((event) => (event.data as { tag: string }).tag)
    const state = frame.states.get(board)
    const here = Object.keys(state?.state.tags ?? {})
    const isSame = here.toSorted().join(' ') === there.toSorted().join(' ') && (state?.pending ?? 0) === 0
    // The command of one that waits for a person is not folded, nor are those behind it that need it.
    if (held.has(board) ? there.some((tag) => !here.includes(tag)) : !isSame)
      return { rule: 'I8', what: `${tab.name} shows ${here.join(' ')} on ${board}; the server has ${there.join(' ')}` }
  }
  return null
}

/** A person tries again what waits for one, and drops it where that does not help: then nothing may be pending. */
async function decideAll(world: World, doings: Doings): Promise<void> {
  const tried = new Set<string>()
  for (let round = 0; round < 100; round++) {
    const tab = world.tabs().find(({ client }) => client.attention.get().length > 0)
    const [entry] = tab?.client.attention.get() ?? []
    if (tab === undefined || entry === undefined) break
    const how = tried.has(tagOf(entry)) ? 'discard' : 'retry'
    tried.add(tagOf(entry))
    await perform(world, doings, { kind: 'decide', tab: world.tabs().indexOf(tab), which: 0, how, turns: 0 })
    await comeToRest(world, doings)
  }
  for (const device of world.devices) {
    const bytes = await countedBytes(device)
    if (bytes !== 0) world.oracle.fail('the count of bytes', `${device.name} counts ${String(bytes)} bytes of nothing`)
  }
  for (const { name, client } of world.tabs()) {
    const left = client.pending.get()
    if (left.length > 0) world.oracle.fail('I13', `${name} keeps ${left.map((each) => tagOf(each)).join(', ')}`)
  }
}

/** What the device takes unsent work to be, as it is stored. */
async function countedBytes({ browser }: ModelDevice): Promise<unknown> {
  const db = new Dexie(databaseNameOf(RELEASES[1].domain, author), { indexedDB: browser.indexedDB, IDBKeyRange })
  await db.open()
  const counted = (await db.table('meta').get('pending-bytes')) as { value: unknown } | undefined
  db.close()
  return counted?.value ?? 0
}
