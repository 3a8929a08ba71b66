/** Where received files go: one folder with a quota, whole files only, unfinished ones out of sight until they are resumed. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DeviceError, PortcullisError, ResourceError } from '../../base/error.ts'
import type { WholeFile } from '../io.ts'
import { freeName, safeName } from './file-name.ts'
import type { Offer } from './script.ts'

export interface InboxOptions {
  folder: string
  /** All files in the folder together, unfinished ones too. */
  bytesMax: number
  /** The largest single file. */
  fileBytesMax: number
  filesMax: number
  /** Unfinished files that are kept; the oldest gives way. */
  unfinishedMax: number
}

export const inboxDefaults = { bytesMax: 256 * 1_048_576, fileBytesMax: 128 * 1_048_576, filesMax: 64, unfinishedMax: 8 } as const

const unfinishedFolder = '.unfinished'
const readPiece = 65_536

interface Stored {
  name: string
  size: number
  modified_ms: number
}

export class Inbox {
  readonly #options: InboxOptions

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Whole files, by name. */
  async list(): Promise<Stored[]> {
    return await filesIn(this.#options.folder)
  }

  /** Removes a whole file for good. @returns false when there is none of this name. @throws DeviceError (PC-TRANSFER-STORAGE). */
  async remove(name: string): Promise<boolean> {
    const { folder } = this.#options
    if (!(await this.list()).some((file) => file.name === name)) return false
    await onDisk(async () => {
      await rm(join(folder, name), { force: true })
      await syncFolder(folder)
    })
    return true
  }

  /**
   * Makes room for an offered file and opens what is there of the very same one: same name, size and time.
   * @returns why not, when there is no room.
   * @throws DeviceError (PC-TRANSFER-STORAGE).
   */
  async begin(offer: Offer): Promise<Incoming | 'too large' | 'full'> {
    const { folder, fileBytesMax, filesMax, unfinishedMax } = this.#options
    if ((offer.size ?? 0) > fileBytesMax) return 'too large'
    return await onDisk(async () => {
      await mkdir(join(folder, unfinishedFolder), { recursive: true, mode: 0o700 })
      const path = join(folder, unfinishedFolder, unfinishedName(offer))
      const whole = await filesIn(folder)
      if (whole.length >= filesMax) return 'full'
      const others = (await filesIn(join(folder, unfinishedFolder))).filter(({ name }) => name !== unfinishedName(offer))
      const room = await this.#makeRoom(whole, others, offer.size ?? 1, unfinishedMax - 1)
      if (room < (offer.size ?? 1)) return 'full'
      return await Incoming.open(path, folder, safeName(offer.name), Math.min(room, fileBytesMax))
    })
  }

  /** Drops the oldest unfinished files until there is room. @returns bytes of room. */
  async #makeRoom(whole: Stored[], unfinished: Stored[], needed: number, keepMax: number): Promise<number> {
    const oldestFirst = unfinished.toSorted((a, b) => a.modified_ms - b.modified_ms)
    let room = this.#options.bytesMax - sizeOf(whole) - sizeOf(unfinished)
    while (oldestFirst.length > 0 && (room < needed || oldestFirst.length > keepMax)) {
      const oldest = oldestFirst.shift()
      if (oldest === undefined) break
      await rm(join(this.#options.folder, unfinishedFolder, oldest.name), { force: true })
      room += oldest.size
    }
    return room
  }
}

const sizeOf = (files: readonly Stored[]): number => files.reduce((sum, { size }) => sum + size, 0)

/** A resumed file must be offered exactly as the unfinished one was. */
const unfinishedName = ({ name, size, modified_s }: Offer): string =>
  `${createHash('sha256').update(`${name}\0${size ?? ''}\0${modified_s}`).digest('hex').slice(0, 32)}.part`

/** A file that is on its way in. */
export class Incoming {
  readonly #file: FileHandle
  readonly #path: string
  readonly #folder: string
  readonly #name: string
  readonly #bytesMax: number
  #length = 0
  #crc = 0
  #hash = createHash('sha256')

  private constructor(file: FileHandle, path: string, folder: string, name: string, bytesMax: number) {
    this.#file = file
    this.#path = path
    this.#folder = folder
    this.#name = name
    this.#bytesMax = bytesMax
  }

  static async open(path: string, folder: string, name: string, bytesMax: number): Promise<Incoming> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    const incoming = new Incoming(file, path, folder, name, bytesMax)
    try {
      await incoming.#readExisting()
    } catch (error) {
      await file.close()
      throw error
    }
    return incoming
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length
  }

  get crc32(): number {
    return this.#crc
  }

  /** @throws ResourceError (PC-TRANSFER-LIMIT), DeviceError (PC-TRANSFER-STORAGE). */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.length > this.#bytesMax) {
      throw new ResourceError('PC-TRANSFER-LIMIT', 'The transfer was given up: the file is larger than there is room for.')
    }
    await onDisk(() => this.#writeWhole(bytes))
    this.#count(bytes)
  }

  /** A disk that becomes full takes a part of it, and says so only when it is asked for the rest. */
  async #writeWhole(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at, bytes.length - at, this.#length + at)).bytesWritten
  }

  /** What is there is not the start of what the other side sends. */
  async restart(): Promise<void> {
    await onDisk(() => this.#file.truncate(0))
    this.#length = 0
    this.#crc = 0
    this.#hash = createHash('sha256')
  }

  /** Makes it durable under its name, or the next free one like it: it appears whole or not at all. */
  async complete(): Promise<WholeFile> {
    return await onDisk(async () => {
      await this.#file.truncate(this.#length)
      await this.#file.sync()
      await this.#file.close()
      const taken = new Set(await readdir(this.#folder))
      const file = freeName(this.#name, (name) => taken.has(name))
      await rename(this.#path, join(this.#folder, file))
      await syncFolder(this.#folder)
      return { file, bytes: this.#length, sha256: this.#hash.digest('hex') }
    })
  }

  /** It did not come whole: what is there stays for a resumed transfer; of nothing, nothing stays. */
  async leave(): Promise<void> {
    await this.#file.sync().catch(() => undefined)
    await this.#file.close()
    if (this.#length === 0) await rm(this.#path, { force: true })
  }

  /** After a power cut its end may be garbage: the sender is asked for the CRC before it is gone on with. */
  async #readExisting(): Promise<void> {
    const piece = new Uint8Array(readPiece)
    for (;;) {
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, this.#length)
      if (bytesRead === 0) return
      this.#count(piece.subarray(0, bytesRead))
    }
  }

  #count(bytes: Uint8Array): void {
    this.#length += bytes.length
    this.#crc = crc32(bytes, this.#crc)
    this.#hash.update(bytes)
  }
}

async function filesIn(folder: string): Promise<Stored[]> {
  return await onDisk(async () => {
    const found: Stored[] = []
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const { size, mtimeMs } = await stat(join(folder, entry.name))
      found.push({ name: entry.name, size, modified_ms: mtimeMs })
    }
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  })
}

/** A new name in a folder is durable only when the folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @throws DeviceError (PC-TRANSFER-STORAGE) for whatever the operating system says. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PortcullisError) throw error
    throw new DeviceError('PC-TRANSFER-STORAGE', 'A file cannot be read or written: look at the disk.', { cause: error })
  }
}
