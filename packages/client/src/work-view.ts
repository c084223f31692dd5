import type { Uuid } from '@tidemark/core'
import type { Change } from './change.ts'
import type { Tables } from './database.ts'
import { createHead } from './head.ts'
import { toListed, type ListedCommand } from './queue.ts'
import type { AttentionRecord } from './records.ts'

/** So many of each list are read at a time. */
const READ = 100
/** Commands held besides because they stand behind one that waits for a person. */
const MOST_BEHIND = 500

/** What of pending work is read into memory, whatever there is of it. */
export interface WorkContents {
  readonly pending: number
  readonly aside: number
  /** The first of them, in order. */
  readonly commands: readonly ListedCommand[]
  readonly attention: readonly AttentionRecord[]
  readonly doubtful: readonly ListedCommand[]
  /** Those of the streams in which something waits for a person. */
  readonly around: readonly ListedCommand[]
}

/** Pending work as far as a tab holds it: the head of the queue, what waits for a person, and numbers. */
export interface WorkView {
  /** How many commands are stored. */
  readonly pending: number
  /** How many of them are set aside. */
  readonly aside: number
  /** The first commands in order. */
  commands(): readonly ListedCommand[]
  readonly isWhole: boolean
  /** The first entries of what was set aside. */
  attention(): readonly AttentionRecord[]
  /** Commands that tell about what waits for a person: set aside, in doubt, or in a stream with such a one. In order. */
  around(): readonly ListedCommand[]
  /** More should be read. */
  readonly isShort: boolean
  load(contents: WorkContents): void
  /** Whether nothing would be left to show after a change, although there is more. */
  isDryAfter(change: Pick<Change, 'added' | 'dropped'>): boolean
  follow(change: Pick<Change, 'put' | 'added' | 'dropped' | 'attentionPut' | 'attentionDropped'>): void
}

export function createWorkView(): WorkView {
  const idOf = (each: { readonly id: Uuid }): string => each.id
  const bySeq = { idOf, keyOf: (command: ListedCommand) => command.seq }
  const commands = createHead<ListedCommand, number>(READ, bySeq)
  const doubtful = createHead<ListedCommand, number>(READ, bySeq)
  const attention = createHead<AttentionRecord, string>(READ, { idOf, keyOf: idOf })
  /** Of streams in which something waits for a person, beyond the head of the queue. */
  const behind = new Map<Uuid, ListedCommand>()
  let pending = 0
  let aside = 0
  /** Something waits for a person in a stream whose commands are not all here. */
  let isMissing = false

  const streams = (): Set<string> => new Set([...attention.all(), ...doubtful.all()].map(({ stream }) => stream))

  return {
    get pending() {
      return pending
    },
    get aside() {
      return aside
    },
    commands: commands.all,
    get isWhole() {
      return commands.isWhole
    },
    attention: attention.all,
    around: () => {
      const known = new Map([...behind.values(), ...doubtful.all(), ...commands.all()].map((each) => [each.id, each]))
      return [...known.values()].sort((a, b) => a.seq - b.seq)
    },
    get isShort() {
      return commands.isShort || attention.isShort || doubtful.isShort || isMissing
    },
    load: (contents) => {
      pending = contents.pending
      aside = contents.aside
      commands.load(contents.commands, contents.commands.length === pending)
      attention.load(contents.attention, contents.attention.length === aside)
      doubtful.load(contents.doubtful, contents.doubtful.length < READ)
      behind.clear()
      for (const command of contents.around) behind.set(command.id, command)
      isMissing = false
    },
    isDryAfter: ({ added, dropped }) => {
      if (commands.isWhole || pending + added - dropped.length <= 0) return false
      const gone = new Set(dropped)
      return commands.all().every(({ id }) => gone.has(id))
    },
    follow: (change) => {
      const wasWhole = commands.isWhole
      pending += change.added - change.dropped.length
      aside += change.attentionPut.length - change.attentionDropped.length
      for (const id of change.attentionDropped) attention.drop(id)
      for (const entry of change.attentionPut) attention.put(entry)
      for (const id of change.dropped) {
        commands.drop(id)
        doubtful.drop(id)
        behind.delete(id)
      }
      const listed = change.put.map(toListed)
      for (const command of listed) {
        commands.put(command)
        if (command.doubt === undefined) doubtful.drop(command.id)
        else doubtful.put(command)
      }
      if (commands.isWhole) return
      const waiting = streams()
      if (wasWhole && waiting.size > 0) isMissing = true
      for (const command of listed) {
        if (command.attention !== null || command.doubt !== undefined) isMissing = true
        const isToldAbout = waiting.has(command.stream) && behind.size < MOST_BEHIND
        if (isToldAbout || behind.has(command.id)) behind.set(command.id, command)
      }
    },
  }
}

/** What a work view is loaded with, in the caller's transaction. */
export async function readWork({ pending, attention }: Pick<Tables, 'pending' | 'attention'>): Promise<WorkContents> {
  const [commands, entries, doubtful] = await Promise.all([
    pending.orderBy('seq').limit(READ).toArray(),
    attention.orderBy(':id').limit(READ).toArray(),
    pending.orderBy('doubt').limit(READ).toArray(),
  ])
  const [count, aside] = await Promise.all([
    commands.length < READ ? commands.length : pending.count(),
    entries.length < READ ? entries.length : attention.count(),
  ])
  const contents = {
    pending: count,
    aside,
    commands: commands.map(toListed),
    attention: entries,
    doubtful: doubtful.map(toListed),
  }
  if (commands.length === count) return { ...contents, around: [] }
  const streams = [...new Set([...entries, ...doubtful].map(({ stream }) => stream))]
  const [named, ...tails] = await Promise.all([
    pending.bulkGet(entries.map(({ commandId }) => commandId)),
    ...streams.map((stream) =>
      pending.where('[stream+seq]').between([stream, -Infinity], [stream, Infinity]).limit(READ).toArray(),
    ),
  ])
  return { ...contents, around: [...named.filter((each) => each !== undefined), ...tails.flat()].map(toListed) }
}
