import { isSameJson, type Json } from './stored-json.ts'

/** Three versions of one value: what both sides started from, and what each made of it. Plain JSON. */
export interface ThreeVersions<T> {
  readonly base: T
  readonly mine: T
  readonly theirs: T
}

/** A field whose two sides do not agree. `undefined`: it is not there in that version. */
export interface FieldConflict {
  /** JSON Pointer (RFC 6901), such as `/customer/lastName`. */
  readonly path: string
  readonly base: Json | undefined
  readonly mine: Json | undefined
  readonly theirs: Json | undefined
}

/** A field that is not as it was in the base. */
export interface FieldChange {
  /** JSON Pointer (RFC 6901). */
  readonly path: string
  /** `both`: to the same value. What both changed differently is a conflict. */
  readonly by: 'mine' | 'theirs' | 'both'
}

export interface FieldMerge<T> {
  /** Everything that either side changed; in a conflict what theirs says, until it is chosen. */
  readonly value: T
  readonly changes: readonly FieldChange[]
  readonly conflicts: readonly FieldConflict[]
}

/** What becomes of a conflict's field; a `value` of `undefined` takes the field away. */
export type FieldChoice = 'base' | 'mine' | 'theirs' | { readonly value: Json | undefined }

/**
 * Three-way merge by field: what one side changed is taken, what both changed to different values is a conflict. Objects
 * are compared field by field at any depth; lists, and values of different kinds, as wholes. Pure, and symmetric but for
 * who is who.
 *
 * @example
 * const merge = mergeFields({ base, mine, theirs })
 * const decided = chooseFields(merge, { '/note': 'mine' })
 * if (decided.conflicts.length === 0) await client.resolve(id, { kind: 'edit', input: decided.value })
 */
export function mergeFields<T extends object>({ base, mine, theirs }: ThreeVersions<T>): FieldMerge<T> {
  const changes: FieldChange[] = []
  const conflicts: FieldConflict[] = []

  function merge(path: string, was: Field, my: Field, their: Field): Field {
    if (isFields(my) && isFields(their) && (was === undefined || isFields(was)))
      return mergeEach(path, was ?? {}, my, their)
    const isMine = !isSame(was, my)
    const isTheirs = !isSame(was, their)
    if (isMine && isTheirs && !isSame(my, their)) {
      conflicts.push({ path, base: was, mine: my, theirs: their })
      return their
    }
    if (isMine || isTheirs) changes.push({ path, by: isMine && isTheirs ? 'both' : isMine ? 'mine' : 'theirs' })
    return isMine ? my : their
  }

  function mergeEach(path: string, was: Fields, my: Fields, their: Fields): Fields {
    const names = new Set([was, their, my].flatMap((each) => Object.keys(each)))
    const merged: [string, Json][] = []
    for (const name of names) {
      const value = merge(`${path}/${escape(name)}`, own(was, name), own(my, name), own(their, name))
      if (value !== undefined) merged.push([name, value])
    }
    return Object.fromEntries(merged)
  }

  const value = mergeEach('', base as Fields, mine as Fields, theirs as Fields)
  return { value: value as T, changes, conflicts }
}

/** Decides conflicts of a merge, by their paths. What is not chosen stays a conflict. */
export function chooseFields<T extends object>(
  merge: FieldMerge<T>,
  choices: Readonly<Record<string, FieldChoice>>,
): FieldMerge<T> {
  let value = merge.value as Fields
  const conflicts: FieldConflict[] = []
  const changes = [...merge.changes]
  for (const conflict of merge.conflicts) {
    const choice = own(choices as Readonly<Record<string, never>>, conflict.path) as FieldChoice | undefined
    if (choice === undefined) {
      conflicts.push(conflict)
      continue
    }
    const chosen = typeof choice === 'string' ? conflict[choice] : choice.value
    value = put(value, conflict.path.slice(1).split('/').map(unescape), chosen)
    if (!isSame(conflict.base, chosen))
      changes.push({ path: conflict.path, by: choice === 'mine' || choice === 'theirs' ? choice : 'both' })
  }
  return { value: value as T, changes, conflicts }
}

type Fields = Readonly<Record<string, Json>>
type Field = Json | undefined

function put(fields: Fields, [name, ...rest]: readonly string[], value: Field): Fields {
  if (name === undefined) return fields
  const before = own(fields, name)
  const next = rest.length === 0 ? value : put(isFields(before) ? before : {}, rest, value)
  const others = Object.entries(fields)
  if (before === undefined) return next === undefined ? fields : Object.fromEntries([...others, [name, next]])
  return Object.fromEntries(
    others.flatMap(([key, each]) => (key !== name ? [[key, each]] : next === undefined ? [] : [[key, next]])),
  )
}

function own(fields: Fields, name: string): Field {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function isFields(value: Field): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(a: Field, b: Field): boolean {
  return a === b || (a !== undefined && b !== undefined && isSameJson(a, b))
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function unescape(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}
