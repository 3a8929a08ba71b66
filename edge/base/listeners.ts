/** A set of listeners for one kind of news. One that throws does not keep the news from the others. */
export class Listeners<T> {
  readonly #listeners = new Set<(news: T) => void>()
  readonly #onError: (error: unknown) => void

  /** @param onError hears what a listener throws; by default the process does, as an uncaught error. */
  constructor(onError: (error: unknown) => void = rethrowLater) {
    this.#onError = onError
  }

  /** Returns what removes the listener again. */
  add(listener: (news: T) => void): () => void {
    const own = (news: T): void => listener(news)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  emit(news: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(news)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  get size(): number {
    return this.#listeners.size
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
