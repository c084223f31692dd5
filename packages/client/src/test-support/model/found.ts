import type { Act } from './acts.ts'

/** What the model has found, as short as it could be made, and what was wrong. Each is run with every test. */
export const FOUND: readonly { readonly what: string; readonly pageRows: number; readonly acts: readonly Act[] }[] = [
  {
    what: 'a command that was stored and confirmed before its tab had read either was folded over the row that held it',
    pageRows: 1,
    acts: [
      { kind: 'open', turns: 0, device: 0 },
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'write', turns: 0, tab: 10, board: 1, command: 'open' },
    ],
  },
  {
    what: 'a command brought back from the journal was folded over rows that had come before it and held it',
    pageRows: 500,
    acts: [
      { kind: 'open', turns: 60, device: 0 },
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'lose', turns: 0, device: 0, what: 'database' },
    ],
  },
  {
    what: 'a queued command went out in one push with the one before it, and landed although that one was turned away',
    pageRows: 500,
    acts: [
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'write', turns: 0, tab: 0, board: 4, command: 'open' },
      { kind: 'write', turns: 60, tab: 0, board: 2, command: 'open' },
      { kind: 'write', turns: 0, tab: 0, board: 2, command: 'add' },
      { kind: 'write', turns: 0, tab: 0, board: 17, command: 'later' },
      { kind: 'elsewhere', turns: 0, board: 11, command: 'open' },
    ],
  },
  {
    what: 'a push whose answers could not be stored counted as being sent for ever, and its streams stood still',
    pageRows: 500,
    acts: [
      { kind: 'die', turns: 0, tab: 0, writes: 0 },
      { kind: 'write', turns: 60, tab: 0, board: 0, command: 'open' },
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'server', turns: 60, how: 'hold' },
      { kind: 'answer', turns: 0, tab: 0, how: 'overloaded' },
      { kind: 'storage', turns: 60, tab: 0, how: 'full', writes: 1 },
    ],
  },
  {
    what: 'a row was read as often as it was looked at before it came, and what came after waited for all of those reads',
    pageRows: 500,
    acts: [
      { kind: 'write', turns: 0, tab: 0, board: 0, command: 'open' },
      { kind: 'die', turns: 0, tab: 0, writes: 0 },
      { kind: 'write', turns: 0, tab: 0, board: 1, command: 'open' },
      { kind: 'write', turns: 0, tab: 0, board: 6, command: 'open' },
      { kind: 'write', turns: 2, tab: 0, board: 8, command: 'open' },
      { kind: 'write', turns: 6, tab: 0, board: 2, command: 'add' },
      { kind: 'network', turns: 3, tab: 0, how: 'online' },
      { kind: 'tab', turns: 0, tab: 0, how: 'close' },
    ],
  },
]
