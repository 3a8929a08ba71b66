/** What may be sent: the plain files of one folder, such as bundles of the diagnosis and exports of the journal. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DeviceError, UsageError } from '../../base/error.ts'
import { safeName } from './file-name.ts'
import { onDisk } from './inbox.ts'
import type { Outgoing } from './script.ts'

const listedMax = 1_000

export class Outbox {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** By name; at most 1000. No links, no folders, nothing hidden. */
  async list(): Promise<Outgoing[]> {
    return await onDisk(async () => {
      const names = (await readdir(this.#folder).catch(() => [])).filter(isPlain).sort().slice(0, listedMax)
      const files: Outgoing[] = []
      for (const name of names) {
        const status = await lstat(join(this.#folder, name))
        if (status.isFile()) files.push({ name, size: status.size, modified_s: Math.floor(status.mtimeMs / 1000) })
      }
      return files
    })
  }

  /** @throws UsageError (PC-TRANSFER-FILE) when there is no such file here. */
  async open(name: string): Promise<OpenFile> {
    if (!isPlain(name)) throw noSuchFile()
    return await OpenFile.open(join(this.#folder, name))
  }
}

/** The name of a file in the folder itself, that a terminal may show. */
const isPlain = (name: string): boolean => name !== '' && safeName(name) === name

const noSuchFile = (): UsageError => new UsageError('PC-TRANSFER-FILE', 'There is no such file to send.')

/** A file that is being sent. */
export class OpenFile implements Outgoing {
  readonly name: string
  readonly size: number
  readonly modified_s: number
  readonly #file: FileHandle

  private constructor(file: FileHandle, name: string, size: number, modified_s: number) {
    this.#file = file
    this.name = name
    this.size = size
    this.modified_s = modified_s
  }

  /** @throws UsageError (PC-TRANSFER-FILE) */
  static async open(path: string): Promise<OpenFile> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined)
    if (file === undefined) throw noSuchFile()
    const status = await file.stat()
    if (status.isFile()) return new OpenFile(file, safeName(basename(path)), status.size, Math.floor(status.mtimeMs / 1000))
    await file.close()
    throw noSuchFile()
  }

  /** @throws DeviceError (PC-TRANSFER-CHANGED) when the file has become shorter, PC-TRANSFER-STORAGE. */
  async read(at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    const { bytesRead } = await onDisk(() => this.#file.read(bytes, 0, length, at))
    if (bytesRead !== length) throw new DeviceError('PC-TRANSFER-CHANGED', 'The transfer was given up: the file became shorter meanwhile.')
    return bytes
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
