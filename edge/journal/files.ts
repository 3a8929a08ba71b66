/** The files of a journal, opened together or not at all. */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { WallTime } from '../base/clock.ts'
import { DeviceError, PortcullisError } from '../base/error.ts'
import { DayKeys } from './day-keys.ts'
import type { JournalLimits } from './limits.ts'
import { WriterLock } from './lock.ts'
import { HighWater } from './mark.ts'
import { type OpenOptions, type Opened, openStore } from './recover.ts'
import type { KeyWrapper } from './seal.ts'
import { isFull, writeError } from './store.ts'

export interface Files extends Opened {
  lock: WriterLock
  mark: HighWater
  keys: DayKeys
  /** The ballast. */
  reserveFile: string
}

export interface FilesOptions {
  file: string
  device: string
  keys: KeyWrapper | undefined
  wall: WallTime
  limits: JournalLimits
}

/** @throws as `Journal.open` does. */
export function openFiles({ file, device, keys: wrapper, wall, limits }: FilesOptions): Files {
  const reserveFile = `${file}.reserve`
  const open: { close(): void }[] = []
  const keep = <T extends { close(): void }>(part: T): T => {
    open.unshift(part)
    return part
  }
  try {
    mkdirSync(dirname(file), { recursive: true })
    const lock = keep(new WriterLock(`${file}.lock`))
    const mark = keep(new HighWater(`${file}.mark`))
    const keys = keep(new DayKeys(`${file}.keys`, device, wrapper))
    return { ...openWithReserve({ file, device, mark, wall, limits }, reserveFile), lock, mark, keys, reserveFile }
  } catch (error) {
    for (const part of open) part.close()
    if (error instanceof PortcullisError) throw error
    throw isFull(error) ? writeError(error) : new DeviceError('PC-JOURNAL-STORAGE', 'The journal cannot be opened.', { cause: error })
  }
}

/** A disk that is full even for opening the database gets the ballast back. */
function openWithReserve(options: OpenOptions, reserveFile: string): Opened {
  try {
    return openStore(options)
  } catch (error) {
    if (!isFull(error)) throw error
    rmSync(reserveFile, { force: true })
    return openStore(options)
  }
}
