/** Named counts that only grow: what a part saw, dropped, retried or refused since it started. */
export class Counters<Name extends string> {
  readonly #counts: Record<string, number> = {}

  constructor(names: readonly Name[]) {
    for (const name of names) this.#counts[name] = 0
  }

  add(name: Name, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by
  }

  get(name: Name): number {
    return this.#counts[name] ?? 0
  }

  snapshot(): Record<string, number> {
    return { ...this.#counts }
  }
}
