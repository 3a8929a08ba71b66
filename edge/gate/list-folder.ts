/** Where the lists lie: one file each, and how far each has come, written so that a power cut leaves the old or the new. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../base/durable-file.ts'
import { describe } from '../base/error.ts'
import { parse, Type } from '../base/schema.ts'
import { type Floors, Lists, listBytesMax, type ListsOptions, tooLarge } from './lists.ts'
import type { ListName } from './policy.ts'

const Floor = Type.Object({ sequence: Type.Integer({ minimum: 1 }), digest: Type.String({ pattern: '^[0-9a-f]{64}$' }) }, { additionalProperties: false })
const FloorsFile = Type.Object({ watchlist: Type.Optional(Floor), revoked: Type.Optional(Floor), residents: Type.Optional(Floor) }, { additionalProperties: false })

const floorsName = 'floors.json'
const names: readonly ListName[] = ['watchlist', 'revoked', 'residents']

/** A list that lies there and was not taken: code and sentence for the operator. */
export interface RefusedList {
  list: ListName
  code: string
  message: string
}

export class ListFolder {
  readonly #folder: string
  readonly lists: Lists
  /** What was wrong when the folder was opened. */
  refused: readonly RefusedList[] = []
  /** Which file of each list was looked at last: its time and size. */
  readonly #seen = new Map<ListName, string>()

  private constructor(folder: string, lists: Lists) {
    this.#folder = folder
    this.lists = lists
  }

  /**
   * Takes every list that lies in the folder. One that is wrong is left out and named in `refused`.
   * @throws ConfigError (PC-GATE-LIST-KEY), InputError (PC-GATE-LIST-FLOORS) when the record of what was taken is damaged:
   *   without it an older list could be slipped in, so somebody must look.
   */
  static async open(folder: string, options: Omit<ListsOptions, 'floors'>): Promise<ListFolder> {
    await mkdir(folder, { recursive: true })
    const lists = new Lists({ ...options, floors: await readFloors(folder) })
    const opened = new ListFolder(folder, lists)
    opened.refused = (await opened.refresh()).refused
    return opened
  }

  /** Takes every list whose file is new or has changed. One that is wrong is left out and named, once. */
  async refresh(): Promise<{ taken: ListName[]; refused: RefusedList[] }> {
    const taken: ListName[] = []
    const refused: RefusedList[] = []
    for (const list of names) {
      try {
        const text = await this.#changed(list)
        if (text === undefined) continue
        this.lists.take(text, list)
        taken.push(list)
      } catch (error) {
        refused.push({ list, ...describe(error) })
      }
    }
    if (taken.length > 0) await writeDurably(join(this.#folder, floorsName), JSON.stringify(this.lists.floors))
    return { taken, refused }
  }

  /** The text of a list's file, if it is another one than when it was last looked at. */
  async #changed(list: ListName): Promise<string | undefined> {
    const path = join(this.#folder, `${list}.json`)
    const found = await stat(path).catch(() => undefined)
    const seen = found === undefined ? '' : `${found.mtimeMs} ${found.size} ${found.ino}`
    if (found === undefined || this.#seen.get(list) === seen) return undefined
    this.#seen.set(list, seen)
    if (found.size > listBytesMax) throw tooLarge()
    return await readFile(path, 'utf8')
  }

  /** Takes a list that has come, and keeps it. @throws what `Lists.take` throws, or the file system. */
  async receive(text: string): Promise<ListName> {
    const list = this.lists.take(text)
    await writeDurably(join(this.#folder, `${list}.json`), text)
    await writeDurably(join(this.#folder, floorsName), JSON.stringify(this.lists.floors))
    return list
  }
}

async function readFloors(folder: string): Promise<Floors> {
  const text = await readIfThere(join(folder, floorsName))
  if (text === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  return parse(FloorsFile, value, 'PC-GATE-LIST-FLOORS', 'record of taken lists')
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
