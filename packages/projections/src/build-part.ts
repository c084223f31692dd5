/** A key range of a build: a part of all keys of a lane, folded by itself. Pure. */
export interface BuildPart {
  readonly number: number
  readonly of: number
}

/** The consumer of a build that is folded whole. */
export function buildConsumer(id: number): string {
  return `build:${id}`
}

/** The consumer of one key range of a build. */
export function partConsumer(id: number, { number, of }: BuildPart): string {
  return `build:${id}:${number}/${of}`
}

/** What a consumer's name says; `undefined` for a build that is folded whole. */
export function toBuildPart(consumer: string): BuildPart | undefined {
  const found = /^build:\d+:(\d+)\/(\d+)$/.exec(consumer)
  return found === null ? undefined : { number: Number(found[1]), of: Number(found[2]) }
}

/** Whether a key belongs to a part; every key belongs to exactly one of them. FNV-1a over UTF-16 units. */
export function isInPart({ number, of }: BuildPart, tenant: string, key: string): boolean {
  if (of === 1) return true
  let hash = 0x811c9dc5
  for (const text of [tenant, '\n', key]) {
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return (hash >>> 0) % of === number
}
