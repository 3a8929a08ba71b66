/**
 * Opening the database after whatever happened to it. A write that a power cut tore is undone by
 * SQLite. A file that is damaged, gone, or older than what was already durable is set aside, never
 * repaired and never deleted, and a new chain begins with numbers that were never given before.
 */
import { existsSync, renameSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { WallTime } from '../base/clock.ts'
import { ConfigError } from '../base/error.ts'
import { ChainWalk } from './chain.ts'
import type { JournalLimits } from './limits.ts'
import type { HighWater } from './mark.ts'
import { syncFolder } from './sectors.ts'
import { Store, isDamage } from './store.ts'

/** Why and where to the journal before this one went. */
export interface SetAside {
  why: 'damaged' | 'missing' | 'older'
  /** The name it was kept under; null when there was nothing to keep. */
  file: string | null
  /** The new chain begins after this number; fewer facts than this were written. */
  base: number
}

export interface Opened {
  store: Store
  setAside: SetAside | undefined
}

export interface OpenOptions {
  file: string
  device: string
  mark: HighWater
  wall: WallTime
  limits: JournalLimits
}

/** @throws ConfigError (PC-JOURNAL-FORMAT, PC-JOURNAL-DEVICE) for a file that is not this device's journal; errors of SQLite. */
export function openStore(options: OpenOptions): Opened {
  const { file, mark } = options
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    const setAside: SetAside | undefined = mark.known ? { why: 'missing', file: null, base: mark.most } : undefined
    return { store: create(options, mark.most), setAside }
  }
  const found = inspect(options)
  if (found instanceof Store) return { store: found, setAside: undefined }
  const base = Math.max(mark.most, found.last)
  const kept = keep(file, options.wall)
  return { store: create(options, base), setAside: { why: found.why, file: kept, base } }
}

/** The store when it is sound, or what is wrong with it and the last number it is known to have. */
function inspect(options: OpenOptions): Store | { why: 'damaged' | 'older'; last: number } {
  const { file, device, mark, limits } = options
  let store: Store | undefined
  let last = 0
  try {
    store = new Store(file, { busy_ms: limits.busy_ms, create: { device, base: mark.most } })
    if (store.device !== device) throw new ConfigError('PC-JOURNAL-DEVICE', 'The journal belongs to another device.')
    last = store.head().seq
    const damaged = isBroken(store, limits)
    if (!damaged && last >= mark.durable) return store
    store.close()
    return { why: damaged ? 'damaged' : 'older', last }
  } catch (error) {
    store?.close()
    if (isDamage(error)) return { why: 'damaged', last }
    throw error
  }
}

/** Checks the structure (of a database that is not too large for start-up) and the newest facts. */
function isBroken(store: Store, limits: JournalLimits): boolean {
  if (store.allocatedBytes() <= limits.startCheck_bytes_max && store.structuralDamage() !== undefined) return true
  const rows = store.tail(limits.startCheck_facts)
  const first = rows[0]
  if (first === undefined) return false
  const walk = new ChainWalk(store.device, first.seq - 1, undefined)
  const gaps = store.gapsAfter(first.seq, rows.length)
  return rows.some((row) => {
    while (gaps[0] !== undefined && gaps[0].last < row.seq) {
      const gap = gaps.shift()
      if (gap !== undefined && walk.gap(gap) !== undefined) return true
    }
    return walk.fact(row) !== undefined
  })
}

function create({ file, device, limits }: OpenOptions, base: number): Store {
  return new Store(file, { busy_ms: limits.busy_ms, create: { device, base } })
}

/** Renames the database and what belongs to it; returns the new name. */
function keep(file: string, wall: WallTime): string {
  const stamp = new Date(wall).toISOString().replaceAll(/[:.]/g, '-')
  let kept = `${file}.broken-${stamp}`
  for (let copy = 2; existsSync(kept); copy++) kept = `${file}.broken-${stamp}-${copy}`
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, kept + suffix)
  }
  syncFolder(dirname(file))
  return basename(kept)
}
