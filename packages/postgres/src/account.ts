import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { EmbeddedPostgresError } from './errors.ts'

/** The account that runs Postgres: this process's own, or another one where this process is root. */
export type Account = { readonly kind: 'own' } | { readonly kind: 'other'; readonly uid: number; readonly gid: number }

/** A line of /etc/passwd, as far as it is needed. */
export interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * Postgres refuses to run as root. In order: whoever owns the data already, an account named `postgres`, `nobody`.
 * No account is created: a development tool has no business in a machine's list of accounts.
 *
 * @throws {EmbeddedPostgresError} `no-permission` where this process is root and no such account exists.
 */
export function chooseAccount(dataDirectory: string): Account {
  if (process.getuid?.() !== 0) return { kind: 'own' }
  return pickAccount(parsePasswd(readFileSync('/etc/passwd', 'utf8')), ownerOf(dataDirectory))
}

export function pickAccount(accounts: readonly PasswdEntry[], owner: number | undefined): Account {
  const account =
    (owner === undefined || owner === 0 ? undefined : accounts.find((entry) => entry.uid === owner)) ??
    accounts.find((entry) => entry.name === 'postgres') ??
    accounts.find((entry) => entry.name === 'nobody')
  if (account === undefined)
    throw new EmbeddedPostgresError(
      'no-permission',
      'Postgres refuses to run as root and there is no account named postgres or nobody: create one, or run as another user.',
    )
  return { kind: 'other', uid: account.uid, gid: account.gid }
}

export function parsePasswd(text: string): readonly PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}

export interface AccountCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly identity: { readonly uid?: number; readonly gid?: number }
}

/**
 * How to run `command` as `account`. Where the other account may not enter the directories on the way to `paths`
 * (a checkout under /root), it keeps the one capability that lets it pass, through util-linux `setpriv`.
 *
 * @throws {EmbeddedPostgresError} `no-permission` where it may not enter and `setpriv` is not there.
 */
export function commandAs(
  account: Account,
  command: string,
  args: readonly string[],
  paths: readonly string[],
): AccountCommand {
  if (account.kind === 'own') return { command, args, identity: {} }
  const barrier = paths.map((path) => firstBarrier(path, account)).find((found) => found !== undefined)
  if (barrier === undefined) return { command, args, identity: { uid: account.uid, gid: account.gid } }
  if (spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status !== 0)
    throw new EmbeddedPostgresError(
      'no-permission',
      `Postgres refuses to run as root and its account may not enter ${barrier}: use a directory it may enter, such as one under /srv or /tmp.`,
    )
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups']
  // Without the secure bit, access(2), by which Postgres looks for its own files, would not count the capability.
  const capability = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return { command: 'setpriv', args: [...identity, ...capability, command, ...args], identity: {} }
}

/** The first directory above `path` that `account` may not enter. */
function firstBarrier(path: string, account: { uid: number; gid: number }): string | undefined {
  const parents: string[] = []
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) parents.unshift(at)
  return parents.find((parent) => {
    accessSync(parent, constants.F_OK)
    const { mode, uid, gid } = statSync(parent)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    return (mode & bit) === 0
  })
}
