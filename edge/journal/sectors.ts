/**
 * A file of 512-byte sectors, each written whole and in place.
 *
 * In place, because what a sector held before must be gone from the file once it is overwritten,
 * without copies in a journal or a replaced file; and because overwriting needs no free space. A
 * sector that a power cut tore fails its checksum and reads as empty.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Json, canonical, sha256 } from '../base/canonical.ts'
import { InternalError } from '../base/error.ts'

const sector_bytes = 512
const growth = 64
const magic = Buffer.from('PCS1')
const header_bytes = magic.length + 2 + 32

/** The longest canonical JSON a sector holds. */
export const payload_bytes_max = sector_bytes - header_bytes

export class SectorFile {
  readonly #fd: number
  #count: number

  constructor(file: string) {
    this.#fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600)
    this.#count = Math.floor(fstatSync(this.#fd).size / sector_bytes)
    if (this.#count === 0) {
      this.#grow()
      syncFolder(dirname(file))
    }
  }

  get count(): number {
    return this.#count
  }

  /** What a sector holds; `undefined` when it is empty or torn. */
  read(index: number): Json | undefined {
    const sector = Buffer.alloc(sector_bytes)
    readSync(this.#fd, sector, 0, sector_bytes, index * sector_bytes)
    if (!sector.subarray(0, magic.length).equals(magic)) return undefined
    const payload = sector.subarray(header_bytes, header_bytes + sector.readUInt16BE(magic.length))
    if (!sha256(payload).equals(sector.subarray(magic.length + 2, header_bytes))) return undefined
    return JSON.parse(payload.toString()) as Json
  }

  /** Overwrites a sector; returns once that would survive a power cut. */
  write(index: number, value: Json): void {
    const payload = Buffer.from(canonical(value))
    if (payload.length > payload_bytes_max) throw new InternalError('PC-JOURNAL-SECTOR', 'A record is too long for its sector.')
    const sector = Buffer.alloc(sector_bytes)
    magic.copy(sector)
    sector.writeUInt16BE(payload.length, magic.length)
    sha256(payload).copy(sector, magic.length + 2)
    payload.copy(sector, header_bytes)
    this.#put(index, sector)
  }

  /** Overwrites a sector with zeros. */
  wipe(index: number): void {
    this.#put(index, Buffer.alloc(sector_bytes))
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(index: number, sector: Buffer): void {
    while (index >= this.#count) this.#grow()
    writeSync(this.#fd, sector, 0, sector_bytes, index * sector_bytes)
    fdatasyncSync(this.#fd)
  }

  #grow(): void {
    writeSync(this.#fd, Buffer.alloc(growth * sector_bytes), 0, growth * sector_bytes, this.#count * sector_bytes)
    fsyncSync(this.#fd)
    this.#count += growth
  }
}

/** Makes a new or renamed file's name durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
