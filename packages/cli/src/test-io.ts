import type { Io } from './io.ts'

export interface TestIo extends Io {
  /** All that was written to standard output and to standard error. */
  readonly written: { out: string; err: string }
}

export function testIo(variables: Io['variables'] = {}, part: Partial<Io> = {}): TestIo {
  const written = { out: '', err: '' }
  return {
    written,
    directory: '/nowhere',
    variables,
    isTerminal: false,
    out: async (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    signal: new AbortController().signal,
    ...part,
  }
}
