/**
 * JPEG (ITU-T T.81) as far as a camera needs it: where a picture begins and ends in a stream, how
 * large it is, and which of its bytes are the image.
 */
const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const COM = 0xfe

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7
const isApplication = (marker: number): boolean => marker >= 0xe0 && marker <= 0xef
/** Markers without a length, reserved ones, and 00, which is none (T.81 table B.1). */
const isOutOfPlace = (marker: number): boolean => marker < 0xc0 || (marker >= 0xd0 && marker <= SOI)
/** C4, C8 and CC lie between the frame headers but are tables and a reserved code. */
const isFrameHeader = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

/**
 * Follows the segments of one picture from its SOI to its EOI and resumes where the bytes ended.
 * Searching for `FF D9` would not do: a thumbnail in an APP1 segment has one of its own.
 */
class PictureWalk {
  #at = 2
  #inScan = false
  #frameSeen = false
  #scanSeen = false

  /** @param bytes all bytes from the SOI on. @returns the picture's length, or that it is not complete or not a picture. */
  next(bytes: Uint8Array): number | 'more' | 'broken' {
    for (;;) {
      if (this.#at + 2 > bytes.length) return 'more'
      if (this.#inScan && !this.#skipScan(bytes)) return 'more'
      const marker = bytes[this.#at + 1] ?? 0
      if (bytes[this.#at] !== 0xff) return 'broken'
      if (marker === 0xff) {
        this.#at++ // A fill byte (T.81 B.1.1.2).
      } else if (marker === EOI) {
        return this.#frameSeen && this.#scanSeen ? this.#at + 2 : 'broken'
      } else if (isOutOfPlace(marker)) {
        return 'broken'
      } else if (this.#at + 4 > bytes.length) {
        return 'more'
      } else {
        const length = word(bytes, this.#at + 2)
        if (length < 2) return 'broken'
        this.#frameSeen ||= isFrameHeader(marker)
        this.#inScan = marker === SOS
        this.#scanSeen ||= this.#inScan
        this.#at += 2 + length
      }
    }
  }

  /** Where the walk is: everything before belongs together. */
  get at(): number {
    return this.#at
  }

  /** Moves to the marker that ends the entropy-coded data; `false` when more bytes are needed. */
  #skipScan(bytes: Uint8Array): boolean {
    for (;;) {
      const at = bytes.indexOf(0xff, this.#at)
      this.#at = at < 0 ? bytes.length : at
      if (at < 0 || at + 1 >= bytes.length) return false
      const marker = bytes[at + 1] ?? 0
      if (marker !== 0 && !isRestart(marker)) break
      this.#at += 2
    }
    this.#inScan = false
    return true
  }
}

/**
 * Finds where in `bytes` a picture's SOI stands, and how many bytes just before belong to it as its
 * header; or how many of the first bytes surely lead to none.
 */
export type PictureStart = (bytes: Buffer) => { at: number; header: number } | { useless: number }

const startOfImage = Uint8Array.of(0xff, SOI, 0xff)

/** Pictures one after another, as `ffmpeg -f mjpeg` writes them. */
export const bareStart: PictureStart = (bytes) => {
  const at = bytes.indexOf(startOfImage)
  return at < 0 ? { useless: Math.max(0, bytes.length - 2) } : { at, header: 0 }
}

/** Whether a picture begins at `at`; `undefined` when the bytes end before that is clear. */
export function startsAt(bytes: Uint8Array, at: number): boolean | undefined {
  if (at + 3 > bytes.length) return undefined
  return startOfImage.every((byte, index) => bytes[at + index] === byte)
}

export interface PictureCounter {
  add(name: 'truncated' | 'oversized' | 'discardedBytes', by?: number): void
}

/** So much of a chunk is looked at in one go, so that a large chunk needs no large buffer. */
const pieceMax = 65_536
/** After so many broken pictures in a row all of a broken one is left out, so that hostile bytes cost no quadratic time. */
const brokenMax = 16

/** Cuts a stream into whole pictures. Never throws and never holds more than `pictureMax` and one piece. */
export class PictureStream {
  readonly #start: PictureStart
  readonly #pictureMax: number
  readonly #counter: PictureCounter
  #store = Buffer.alloc(2 * pieceMax)
  #held = this.#store.subarray(0, 0)
  #walk: PictureWalk | undefined
  #brokenInARow = 0

  /** @param pictureMax bytes of the largest picture. */
  constructor(start: PictureStart, pictureMax: number, counter: PictureCounter) {
    this.#start = start
    this.#pictureMax = pictureMax
    this.#counter = counter
  }

  /** Bytes held of what is not a whole picture yet. */
  get pending(): number {
    return this.#held.length
  }

  /** Takes the next bytes of the stream and returns the pictures that they complete. */
  push(bytes: Uint8Array): Uint8Array[] {
    const pictures: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += pieceMax) {
      this.#append(bytes.subarray(at, at + pieceMax))
      for (let picture = this.#take(); picture !== undefined; picture = this.#take()) pictures.push(picture)
    }
    return pictures
  }

  #append(piece: Uint8Array): void {
    const length = this.#held.length + piece.length
    if (this.#held.byteOffset - this.#store.byteOffset + length > this.#store.length) {
      const store = length > this.#store.length ? Buffer.alloc(2 * length) : this.#store
      this.#held.copy(store)
      this.#store = store
      this.#held = store.subarray(0, this.#held.length)
    }
    const start = this.#held.byteOffset - this.#store.byteOffset
    this.#store.set(piece, start + this.#held.length)
    this.#held = this.#store.subarray(start, start + length)
  }

  /** The next whole picture, if there is one. */
  #take(): Uint8Array | undefined {
    while (this.#begin()) {
      const end = this.#walk?.next(this.#held) ?? 'more'
      const length = typeof end === 'number' ? end : this.#held.length
      if (end === 'broken') {
        this.#giveUp('truncated', ++this.#brokenInARow > brokenMax ? Math.min(this.#walk?.at ?? 2, this.#held.length) : 2)
      } else if (length > this.#pictureMax) {
        this.#giveUp('oversized', this.#pictureMax)
      } else if (end === 'more') {
        return undefined
      } else {
        const picture = Uint8Array.from(this.#held.subarray(0, end))
        this.#held = this.#held.subarray(end)
        this.#walk = undefined
        this.#brokenInARow = 0
        return picture
      }
    }
    return undefined
  }

  /** Discards what leads to no picture; `true` when the held bytes start with one. */
  #begin(): boolean {
    if (this.#walk !== undefined) return true
    const found = this.#start(this.#held)
    if ('useless' in found) {
      this.#discard(found.useless)
      return false
    }
    this.#discard(found.at - found.header)
    this.#held = this.#held.subarray(found.header)
    this.#walk = new PictureWalk()
    return true
  }

  #giveUp(why: 'truncated' | 'oversized', length: number): void {
    this.#counter.add(why)
    this.#walk = undefined
    this.#discard(length)
  }

  #discard(length: number): void {
    this.#counter.add('discardedBytes', length)
    this.#held = this.#held.subarray(length)
  }
}

export interface Segment {
  marker: number
  /** Offset of its `FF`. */
  at: number
  /** Offset of what follows it; for SOS the end of its header. */
  end: number
}

/** The segments between SOI and the first scan, SOS included. Stops at whatever is no segment. */
export function* segments(jpeg: Uint8Array): Generator<Segment> {
  for (let at = 2; at + 4 <= jpeg.length && jpeg[at] === 0xff;) {
    const marker = jpeg[at + 1] ?? 0
    const end = marker === 0xff ? at + 1 : at + 2 + Math.max(2, word(jpeg, at + 2))
    if (marker !== 0xff) yield { marker, at, end }
    if (marker === SOS) return
    at = end
  }
}

export interface PictureSize {
  width: number
  height: number
}

/** Pixels across and down, from the frame header (T.81 B.2.2); `undefined` when it has none. */
export function pictureSize(jpeg: Uint8Array): PictureSize | undefined {
  for (const { marker, at } of segments(jpeg)) {
    if (isFrameHeader(marker) && at + 9 <= jpeg.length) return { width: word(jpeg, at + 7), height: word(jpeg, at + 5) }
  }
  return undefined
}

/**
 * Whether two pictures have the same image, byte for byte. What cameras write beside the image
 * (APPn and COM segments before the tables: a time, a counter) does not count.
 */
export function sameImage(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a.subarray(imageAt(a)), b.subarray(imageAt(b))) === 0
}

function imageAt(jpeg: Uint8Array): number {
  for (const { marker, at } of segments(jpeg)) {
    if (!isApplication(marker) && marker !== COM) return at
  }
  return 0
}
