/** The newest of something, numbered: whoever reads on says which number it saw last, and learns what it missed. */
export interface RingLimits {
  items: number
  /** Sum of the sizes that `push` is told. */
  size: number
}

export interface Numbered<T> {
  seq: number
  item: T
}

export class NumberedRing<T> {
  readonly #limits: RingLimits
  readonly #kept: (Numbered<T> & { size: number })[] = []
  #size = 0
  #last = 0

  constructor(limits: RingLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#kept.length
  }

  push(item: T, size: number): void {
    this.#kept.push({ seq: ++this.#last, item, size })
    this.#size += size
    while (this.#kept.length > this.#limits.items || this.#size > this.#limits.size) this.#size -= this.#kept.shift()?.size ?? 0
  }

  /** The newest that are wanted, oldest first. */
  newest(most: RingLimits, wanted: (item: T) => boolean = () => true): Numbered<T>[] {
    return pick(this.#kept.toReversed(), most, wanted).reverse()
  }

  /** Those after a number, oldest first; `lost`: how many came after it and are no longer kept. */
  after(seq: number, most: RingLimits, wanted: (item: T) => boolean = () => true): { items: Numbered<T>[]; lost: number } {
    const oldest = this.#kept[0]?.seq ?? this.#last + 1
    return { items: pick(this.#kept.filter((kept) => kept.seq > seq), most, wanted), lost: Math.max(0, oldest - seq - 1) }
  }
}

/** The first that are wanted, within the limits; one at least, however large. */
function pick<T>(from: readonly (Numbered<T> & { size: number })[], most: RingLimits, wanted: (item: T) => boolean): Numbered<T>[] {
  const picked: Numbered<T>[] = []
  let size = 0
  for (const kept of from) {
    if (!wanted(kept.item)) continue
    size += kept.size
    if (picked.length >= most.items || (picked.length > 0 && size > most.size)) break
    picked.push({ seq: kept.seq, item: kept.item })
  }
  return picked
}
