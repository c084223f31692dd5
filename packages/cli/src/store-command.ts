import { resolve } from 'node:path'
import { createFileArchive, openStore, type ArchiveStorage, type PostgresStore } from '@tidemark/store'
import { defineCommand, type ArgsDef, type CommandDef, type ParsedArgs } from 'citty'
import { UsageError } from './errors.ts'
import type { ExitCode } from './exit-code.ts'
import type { Io } from './io.ts'
import { dataDirectory, openDatabase } from './open-database.ts'
import { createProgressLine, type ProgressLine } from './progress-line.ts'

/** What a command came to: an object for programs and a text for people, of which one is printed. */
export interface Outcome {
  readonly exit: ExitCode
  readonly json: { readonly kind: string } & Readonly<Record<string, unknown>>
  readonly text: string
}

export interface StoreCommandContext<Args extends ArgsDef> {
  readonly args: ParsedArgs<Args>
  readonly store: PostgresStore
  /** The archive, which the store reads through. */
  readonly storage: ArchiveStorage
  readonly io: Io
  readonly progress: ProgressLine
}

export interface StoreCommand<Args extends ArgsDef> {
  readonly name: string
  readonly description: string
  readonly args: Args
  /** The schema may be missing or old, and is not looked at before `run`. */
  readonly migrates?: boolean
  /** To the database. Default 2. */
  readonly connections?: number
  readonly run: (context: StoreCommandContext<Args>) => Promise<Outcome>
}

/** A command may look at all of a large log. */
const DEADLINE_MS = 30 * 60_000

const COMMON_ARGS = {
  archive: { type: 'string', description: 'folder of archived events; default: archive in the data folder' },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const

/** A `tidemark store …` command: opens database and store around `run`, and closes both whatever happens. */
export function storeCommand<const Args extends ArgsDef>(
  io: Io,
  deliver: (outcome: Outcome, asJson: boolean) => void,
  command: StoreCommand<Args>,
): CommandDef {
  const args = { ...command.args, ...COMMON_ARGS }
  return defineCommand({
    meta: { name: command.name, description: command.description },
    args,
    async run({ args: parsed, rawArgs }) {
      refuseUnknown(rawArgs, parsed._.length, args)
      const migrates = command.migrates === true
      const database = await openDatabase(io, { mayCreate: migrates })
      const progress = createProgressLine(io)
      const folder = parsed.archive ?? io.variables['TIDEMARK_ARCHIVE']
      const storage = createFileArchive({ directory: resolve(io.directory, folder ?? `${dataDirectory(io)}/archive`) })
      try {
        const store = await openStore({
          url: database.url,
          applicationName: 'tidemark cli',
          migrate: false,
          deadlineMs: DEADLINE_MS,
          connections: command.connections ?? 2,
          hints: false,
          archive: storage,
        })
        try {
          const outcome = await command.run({
            args: parsed as unknown as ParsedArgs<Args>,
            store,
            storage,
            io,
            progress,
          })
          deliver(outcome, parsed.json)
        } finally {
          progress.end()
          await store.close()
        }
      } finally {
        await database.release()
      }
    },
  }) as unknown as CommandDef
}

/** A mistyped option must not be ignored: `--vesrion` would otherwise read everything. */
function refuseUnknown(rawArgs: readonly string[], given: number, args: ArgsDef): void {
  for (const raw of rawArgs) {
    const option = /^--(?:no-)?([^=]+)/.exec(raw)?.[1]
    if (option !== undefined && args[option] === undefined) throw new UsageError(`There is no option --${option} here.`)
  }
  const positionals = Object.values(args).filter((arg) => arg.type === 'positional').length
  if (given > positionals) throw new UsageError(`${given} arguments were given where ${positionals} are expected.`)
}

/** A whole number of at least `least`. */
export function toCount(name: string, text: string, least = 0): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`--${name} is "${text}": a whole number of at least ${least} is needed.`)
  }
  return value
}
