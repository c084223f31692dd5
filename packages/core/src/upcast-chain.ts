/**
 * Upcasters as a typed chain: each step takes what the one before it returned, and `event` and `command` accept only a
 * chain that ends in what their schema reads. A table of functions (`{ 1: …, 2: … }`) does the same unchecked.
 */

/**
 * Turns data of one schema version into the next. Upcasters are pure and run on every read path. The parameter is
 * what that older version stored; annotate it with the old shape.
 */
export type Upcast = (data: never) => unknown

/** Upcasters by the version they start from: `{ 1: v1 => v2, 2: v2 => v3 }`. */
export type Upcasts = Readonly<Record<number, Upcast>>

/** A class, so that a chain and a table can be told apart. */
export class UpcastChain<Last> {
  /** Schema version that the chain leads to: the first version plus its steps. */
  readonly version: number
  readonly #steps: Upcasts

  /** @internal Use {@link upcasts}. */
  constructor(version: number, steps: Upcasts) {
    this.version = version
    this.#steps = steps
  }

  /** The same as a table. */
  get steps(): Upcasts {
    return this.#steps
  }

  /** Adds what turns data of the chain's last version into the next. Pure; old data must not make it throw. */
  step<Next>(upcast: (old: Last) => Next): UpcastChain<Next> {
    return new UpcastChain<Next>(this.version + 1, { ...this.#steps, [this.version]: upcast as Upcast })
  }

  /** Phantom: makes chains that end differently different types. */
  declare readonly last: Last
}

/**
 * Starts a chain at the oldest schema version that is still stored somewhere.
 *
 * @param from That version, from 1. Data older than it is a `missing-upcaster` when read.
 *
 * @example
 * event(z.object({ first: z.string(), last: z.string() }), {
 *   upcast: upcasts<{ name: string }>()
 *     .step(({ name }) => ({ full: name.trim() }))                              // 1 → 2
 *     .step(({ full }) => ({ first: full.split(' ')[0] ?? '', last: '' })),     // 2 → 3, so the event's version is 3
 * })
 */
export function upcasts<First>(from = 1): UpcastChain<First> {
  if (!Number.isSafeInteger(from) || from < 1) throw new RangeError(`Schema versions start at 1, not at ${from}.`)
  return new UpcastChain<First>(from, {})
}

/**
 * @internal Version and upcasters of a definition. A chain counts its own version; one stated beside it must agree, since
 * otherwise old data would be read one step short or one too far.
 */
export function resolveUpcasts(
  what: string,
  version: number | undefined,
  upcast: Upcasts | UpcastChain<unknown> | undefined,
): { readonly version: number; readonly upcast: Upcasts } {
  if (!(upcast instanceof UpcastChain)) return { version: version ?? 1, upcast: upcast ?? {} }
  if (version !== undefined && version !== upcast.version) {
    throw new TypeError(
      `The upcasters of ${what} lead to schema version ${upcast.version}, but version ${version} is declared. ` +
        'Leave the version out, or add the missing step.',
    )
  }
  return { version: upcast.version, upcast: upcast.steps }
}
