/**
 * Asks for the results of commands: all that is asked in one turn of the event loop goes as one query. Every command
 * that arrives asks first, and on a busy node hundreds do so in one turn.
 */
import { isLogName, isUuid, type CommandResult } from '@tidemark/core'
import type { AskedCommand } from './statements/command-results.ts'

export type Results = ReadonlyMap<string, CommandResult>

interface Ask {
  readonly commands: readonly AskedCommand[]
  readonly resolve: (results: Results) => void
  readonly reject: (error: unknown) => void
}

/** Most commands of one query. A single larger ask is a query of its own. */
const MAX_COMMANDS = 1_000

export function createResultsReader(
  read: (asked: readonly AskedCommand[]) => Promise<ReadonlyMap<number, CommandResult>>,
): (tenant: string, principal: string, commands: readonly string[]) => Promise<Results> {
  let waiting: Ask[] = []

  const send = async (asks: readonly Ask[]): Promise<void> => {
    try {
      const found = await read(asks.flatMap((ask) => ask.commands))
      let place = 0
      for (const { commands, resolve } of asks) {
        const results = new Map<string, CommandResult>()
        for (const { command } of commands) {
          const result = found.get(place++)
          if (result !== undefined) results.set(command, result)
        }
        resolve(results)
      }
    } catch (error) {
      for (const { reject } of asks) reject(error)
    }
  }

  const sendAll = (): void => {
    let asks: Ask[] = []
    let count = 0
    for (const ask of waiting) {
      if (asks.length > 0 && count + ask.commands.length > MAX_COMMANDS) {
        void send(asks)
        asks = []
        count = 0
      }
      asks.push(ask)
      count += ask.commands.length
    }
    waiting = []
    void send(asks)
  }

  return (tenant, principal, commands) => {
    // No command can have another kind of name or id.
    const known = isLogName(tenant) && isLogName(principal) ? commands.filter(isUuid) : []
    if (known.length === 0) return Promise.resolve(new Map())
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(sendAll)
      waiting.push({ commands: known.map((command) => ({ tenant, principal, command })), resolve, reject })
    })
  }
}
