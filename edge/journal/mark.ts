/**
 * The high-water mark: how far sequence numbers and epochs may have gone, kept beside the database.
 *
 * Should the database be lost, broken or replaced by an older copy, no number is ever given twice:
 * readers such as the centre tell facts apart by it.
 */
import { SectorFile } from './sectors.ts'

/** Numbers set aside at a time: one small write for this many facts. */
const block = 4096

type Mark = {
  /** Every fact up to this one was durable when the mark was written. */
  durable: number
  /** No fact has a greater number than this one. */
  most: number
  epoch: number
}

export class HighWater {
  readonly #file: SectorFile
  #mark: Mark | undefined
  #sector = 1

  constructor(file: string) {
    this.#file = new SectorFile(file)
    // Two sectors in turn: one of them is whole whenever power fails.
    for (const index of [0, 1]) {
      const mark = this.#file.read(index) as Mark | undefined
      if (mark === undefined || mark.most < this.most || mark.epoch < this.epoch) continue
      this.#mark = mark
      this.#sector = index
    }
  }

  /** False when there never was a journal here, or the mark is lost as well. */
  get known(): boolean {
    return this.#mark !== undefined
  }

  get durable(): number {
    return this.#mark?.durable ?? 0
  }

  get most(): number {
    return this.#mark?.most ?? 0
  }

  get epoch(): number {
    return this.#mark?.epoch ?? 0
  }

  /** Call before numbers up to `next` are given: durable is the newest durable fact. */
  reserve(durable: number, next: number, epoch: number): void {
    if (this.#mark !== undefined && next <= this.most && epoch === this.epoch) return
    const mark: Mark = { durable, most: Math.max(next, durable) + block, epoch }
    this.#sector = 1 - this.#sector
    this.#file.write(this.#sector, mark)
    this.#mark = mark
  }

  close(): void {
    this.#file.close()
  }
}
