/** A judgement that comes at once and goes only after a while, so that it does not flap. */
export class Steady<T> {
  value: T | undefined
  readonly #well_ms: number
  #wellFor_ms = 0

  constructor(well_ms: number) {
    this.#well_ms = well_ms
  }

  /** @param sign what there is to see now; @param mayEnd false while it is too early to say that all is well. */
  tick(sign: T | undefined, elapsed_ms: number, mayEnd: boolean): void {
    if (sign !== undefined) {
      this.value = sign
      this.#wellFor_ms = 0
      return
    }
    this.#wellFor_ms += elapsed_ms
    if (this.#wellFor_ms >= this.#well_ms && mayEnd) this.value = undefined
  }
}
