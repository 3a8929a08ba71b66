/** What an emulated camera sees: pictures in a loop, a frozen one, or nothing. */
import { readFileSync } from 'node:fs'
import type { Cancel, Clock, Instant } from '../../edge/base/clock.ts'
import { concat } from '../../edge/base/bytes.ts'
import { segments } from './jpeg.ts'
import { testCard } from './test-card.ts'

export interface PlayOptions {
  /** Begin again after the last picture; otherwise nothing more is sent. */
  loop?: boolean
  /** Pictures a second. */
  rate?: number
}

const DQT = 0xdb

/** Made once for all twins. */
let usual: Promise<Uint8Array[]> | undefined

export class Playback {
  /** Pictures a second. */
  rate = 15
  /** How many pictures were taken. */
  taken = 0
  #pictures: readonly Uint8Array[] = []
  #loop = true
  #next = 0
  #mode: 'playing' | 'frozen' | 'silent' = 'playing'
  #last: Uint8Array | undefined

  /** Shows these JPEGs, given as bytes or by path, from the first on. */
  play(pictures: readonly (Uint8Array | string)[], { loop = true, rate = this.rate }: PlayOptions = {}): void {
    this.#pictures = pictures.map((picture) => (typeof picture === 'string' ? readFileSync(picture) : picture))
    this.#loop = loop
    this.#next = 0
    this.rate = rate
    this.go()
  }

  /** The same picture, byte for byte, again and again. */
  freeze(): void {
    this.#mode = 'frozen'
  }

  /** No picture; the link stays open. */
  silence(): void {
    this.#mode = 'silent'
  }

  /** Ends `freeze` and `silence`. */
  go(): void {
    this.#mode = 'playing'
  }

  /** Shows a test card when nothing else was asked for. */
  async ready(): Promise<void> {
    usual ??= testCard()
    if (this.#pictures.length === 0) this.play(await usual)
  }

  /** Shows a picture at every turn, until what is returned is called. */
  run(clock: Clock, show: (picture: Uint8Array) => void): Cancel {
    let cancel: Cancel = () => undefined
    const next = (due: Instant): void => {
      cancel = clock.after(Math.max(0, due - clock.now()), () => {
        next(Math.max(due + 1_000 / this.rate, clock.now()))
        const picture = this.#take()
        if (picture !== undefined) show(picture)
      })
    }
    next(clock.now())
    return () => cancel()
  }

  /** The picture that the sensor takes now. */
  #take(): Uint8Array | undefined {
    if (this.#mode === 'silent') return undefined
    if (this.#mode === 'frozen' && this.#last !== undefined) return this.#last
    if (this.#loop && this.#next >= this.#pictures.length) this.#next = 0
    const picture = this.#pictures[this.#next++]
    if (picture !== undefined) this.#last = withNoise(picture, this.taken++)
    return picture === undefined ? undefined : this.#last
  }
}

/**
 * The same picture with a little noise, as a sensor gives of an unmoving scene: the step of the
 * highest frequency (the last entry of the first quantization table, T.81 B.2.4.1) changes.
 */
export function withNoise(jpeg: Uint8Array, turn: number): Uint8Array {
  for (const { marker, at } of segments(jpeg)) {
    const last = at + 4 + 64
    if (marker !== DQT || (jpeg[at + 4] ?? 0) >> 4 !== 0 || last >= jpeg.length) continue
    const step = 1 + (((jpeg[last] ?? 1) - 1 + (turn % 3)) % 255)
    return concat([jpeg.subarray(0, last), Uint8Array.of(step), jpeg.subarray(last + 1)])
  }
  return jpeg
}
