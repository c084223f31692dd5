import { defineCommand, renderUsage, runCommand, type CommandDef } from 'citty'
import { archiveCommand } from './commands/archive.ts'
import { grantCommand } from './commands/grant.ts'
import { migrateCommand } from './commands/migrate.ts'
import { newEpochCommand } from './commands/new-epoch.ts'
import {
  parkedDiscardCommand,
  parkedEditCommand,
  parkedRetryCommand,
  parkedSkipCommand,
} from './commands/parked-decide.ts'
import { parkedHistoryCommand } from './commands/parked-history.ts'
import { parkedListCommand } from './commands/parked-list.ts'
import { parkedShowCommand } from './commands/parked-show.ts'
import { projectionsAcceptCommand } from './commands/projections-accept.ts'
import {
  projectionsRebuildCommand,
  projectionsRollbackCommand,
  projectionsVerifyCommand,
} from './commands/projections-build.ts'
import {
  projectionsCancelCommand,
  projectionsPauseCommand,
  projectionsResumeCommand,
} from './commands/projections-hold.ts'
import { projectionsListCommand } from './commands/projections-list.ts'
import { projectionsTrialCommand } from './commands/projections-trial.ts'
import { projectionsSnapshotsCommand } from './commands/projections-snapshots.ts'
import { reactionsHistoryCommand, reactionsRetryCommand, reactionsSkipCommand } from './commands/reactions-decide.ts'
import { reactionsListCommand, reactionsParkedCommand } from './commands/reactions-list.ts'
import { restoreCommand } from './commands/restore.ts'
import { snapshotCommand } from './commands/snapshot.ts'
import { streamsShowCommand } from './commands/streams-show.ts'
import { verifyCommand } from './commands/verify.ts'
import { toFailure, UsageError } from './errors.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { storeCommand, type Outcome } from './store-command.ts'

/**
 * Runs one `tidemark` command line.
 *
 * Standard output gets the result alone: a text, or with `--json` one object on one line, whose `kind` says what it is;
 * for a failure that is `{ kind: 'failed', reason, message }`. All else goes to standard error.
 *
 * @returns the exit code, one of {@link EXIT}.
 */
export async function runTidemark(rawArgs: readonly string[], io: Io): Promise<number> {
  let delivered: { outcome: Outcome; asJson: boolean } | undefined
  const root = createRoot(io, (outcome, asJson) => {
    delivered = { outcome, asJson }
  })
  try {
    const { command, parent, isGroup } = findCommand(root, rawArgs)
    if (isGroup || rawArgs.includes('--help')) {
      const usage = await renderUsage(command, parent)
      if (rawArgs.includes('--help')) await io.out(`${usage}\n`)
      else io.err(`${usage}\n`)
      return rawArgs.includes('--help') ? EXIT.ok : EXIT.usage
    }
    await runCommand(root, { rawArgs: [...rawArgs] })
    if (delivered === undefined) throw new Error('The command ended without a result.')
    const { outcome, asJson } = delivered
    await io.out(`${asJson ? JSON.stringify(outcome.json) : outcome.text}\n`)
    return outcome.exit
  } catch (error) {
    const failure = toFailure(toUsageError(error))
    if (failure === undefined) throw error
    const { exit, reason, message } = failure
    io.err(`${message}\n`)
    if (rawArgs.includes('--json')) await io.out(`${JSON.stringify({ kind: 'failed', reason, message })}\n`)
    return exit
  }
}

function createRoot(io: Io, deliver: (outcome: Outcome, asJson: boolean) => void): CommandDef {
  return defineCommand({
    meta: { name: 'tidemark', description: 'Look after an app built on Tidemark.' },
    subCommands: {
      store: defineCommand({
        meta: { name: 'store', description: 'The event store: schema, streams, snapshots, archive, checks.' },
        subCommands: {
          migrate: storeCommand(io, deliver, migrateCommand),
          streams: defineCommand({
            meta: { name: 'streams', description: 'Streams of the log.' },
            subCommands: { show: storeCommand(io, deliver, streamsShowCommand) },
          }),
          snapshot: storeCommand(io, deliver, snapshotCommand),
          archive: storeCommand(io, deliver, archiveCommand),
          restore: storeCommand(io, deliver, restoreCommand),
          verify: storeCommand(io, deliver, verifyCommand),
          grant: storeCommand(io, deliver, grantCommand),
          'new-epoch': storeCommand(io, deliver, newEpochCommand),
        },
      }),
      projections: defineCommand({
        meta: { name: 'projections', description: 'Rows as a whole: look, verify, build anew, go back.' },
        subCommands: {
          list: storeCommand(io, deliver, projectionsListCommand),
          rebuild: storeCommand(io, deliver, projectionsRebuildCommand),
          verify: storeCommand(io, deliver, projectionsVerifyCommand),
          trial: storeCommand(io, deliver, projectionsTrialCommand),
          snapshots: storeCommand(io, deliver, projectionsSnapshotsCommand),
          rollback: storeCommand(io, deliver, projectionsRollbackCommand),
          pause: storeCommand(io, deliver, projectionsPauseCommand),
          resume: storeCommand(io, deliver, projectionsResumeCommand),
          cancel: storeCommand(io, deliver, projectionsCancelCommand),
          accept: storeCommand(io, deliver, projectionsAcceptCommand),
        },
      }),
      parked: defineCommand({
        meta: { name: 'parked', description: 'Events that projections have set aside: look, mend, try again.' },
        subCommands: {
          list: storeCommand(io, deliver, parkedListCommand),
          show: storeCommand(io, deliver, parkedShowCommand),
          retry: storeCommand(io, deliver, parkedRetryCommand),
          edit: storeCommand(io, deliver, parkedEditCommand),
          skip: storeCommand(io, deliver, parkedSkipCommand),
          discard: storeCommand(io, deliver, parkedDiscardCommand),
          history: storeCommand(io, deliver, parkedHistoryCommand),
        },
      }),
      reactions: defineCommand({
        meta: {
          name: 'reactions',
          description: 'What the server answers events with: how far, and what it could not.',
        },
        subCommands: {
          list: storeCommand(io, deliver, reactionsListCommand),
          parked: storeCommand(io, deliver, reactionsParkedCommand),
          retry: storeCommand(io, deliver, reactionsRetryCommand),
          skip: storeCommand(io, deliver, reactionsSkipCommand),
          history: storeCommand(io, deliver, reactionsHistoryCommand),
        },
      }),
    },
  }) as CommandDef
}

interface FoundCommand {
  readonly command: CommandDef
  readonly parent: CommandDef | undefined
  /** It only holds others. */
  readonly isGroup: boolean
}

/** @throws UsageError for a word that names no command. */
function findCommand(root: CommandDef, rawArgs: readonly string[]): FoundCommand {
  let command = root
  let parent: CommandDef | undefined
  for (const word of rawArgs) {
    if (word.startsWith('-')) break
    const children = command.subCommands as Readonly<Record<string, CommandDef>> | undefined
    if (children === undefined) break
    const child = Object.hasOwn(children, word) ? children[word] : undefined
    if (child === undefined) {
      throw new UsageError(`There is no command "${word}" here: try ${Object.keys(children).join(', ')}.`)
    }
    parent = command
    command = child
  }
  return { command, parent, isGroup: command.subCommands !== undefined }
}

/** citty's own complaints (a missing argument, a value out of a list) are about what was typed. */
function toUsageError(error: unknown): unknown {
  return error instanceof Error && error.name === 'CLIError' ? new UsageError(error.message) : error
}
