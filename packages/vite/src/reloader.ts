/** A thing that can be closed; the reloader knows no more of what it reloads. */
export interface Reloadable {
  close(): Promise<void>
}

/**
 * `prepare` may fail with the running instance untouched (a syntax error while typing); `start` is called once the old
 * instance has closed.
 */
export interface ReloadSteps<T extends Reloadable> {
  readonly prepare: () => Promise<() => Promise<T>>
  /** The error of the latest reload; `undefined` once one went well. */
  readonly onSettled: (error: unknown) => void
}

/**
 * Keeps one instance of something that is loaded anew when its sources change. Never two at once, and never a reload
 * for each of ten files saved together: changes during a reload make one more.
 */
export class Reloader<T extends Reloadable> {
  readonly #steps: ReloadSteps<T>
  #instance: T | undefined
  #error: unknown
  #running: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(steps: ReloadSteps<T>) {
    this.#steps = steps
  }

  /** Resolves when no reload is under way any more, this one included. Never rejects. */
  reload(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#again = true
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
    return this.#running
  }

  /** The instance, after the reload that is under way; rejects with the reason where there is none. */
  async current(): Promise<T> {
    await this.#running
    if (this.#instance !== undefined) return this.#instance
    throw this.#error ?? new Error('The server is closed.')
  }

  /**
   * Whether what the running instance imports may not be all that it would import now: the latest load failed, or one is
   * under way. Any change then deserves a reload.
   */
  get unsettled(): boolean {
    return this.#error !== undefined || this.#running !== undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#discard()
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      this.#error = undefined
      try {
        const start = await this.#steps.prepare()
        await this.#discard()
        this.#instance = await start()
      } catch (error) {
        this.#error = error ?? new Error('The server failed to start and did not say why.')
      }
      this.#steps.onSettled(this.#error)
    }
  }

  async #discard(): Promise<void> {
    const instance = this.#instance
    this.#instance = undefined
    await instance?.close()
  }
}
