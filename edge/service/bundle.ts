/**
 * One file for somebody far away: what the device is, how it is, what it wrote and remembers.
 *
 * Packed with the system's own `tar`, which is everywhere that Debian or BusyBox is, and gzip by
 * Node. Each piece has a size limit, and one that cannot be made is named in the manifest and left out.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncFolder } from '../base/durable-file.ts'
import { describe, DeviceError } from '../base/error.ts'

/** Bundles that are kept. */
const bundles_max = 5
/** Characters of one piece. */
export const piece_max = 4 * 1024 * 1024
const staging = '.staging'
const bundleName = /^diag-.*\.tar\.gz$/

/** A piece by its file name: made when its turn comes, so that one at a time is in memory. */
export interface Piece {
  name: string
  make(): string | Promise<string>
}

export interface BundleOrder {
  /** Where bundles lie. */
  folder: string
  /** Without ending. */
  name: string
  pieces: readonly Piece[]
  /** What the manifest says beside its pieces. */
  about: Readonly<Record<string, unknown>>
  signal: AbortSignal
  onProgress(piece: string, done: number, of: number): void
}

/** @throws DeviceError (PC-DIAG-TAR), or what the file system throws. */
export async function makeBundle(order: BundleOrder): Promise<{ file: string; bytes: number; sha256: string }> {
  const { folder, name, pieces, about, signal, onProgress } = order
  const stage = join(folder, staging)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await sweep(folder)
  await mkdir(stage, { mode: 0o700 })
  try {
    const made: Record<string, unknown> = {}
    for (const [at, piece] of pieces.entries()) {
      signal.throwIfAborted()
      onProgress(piece.name, at, pieces.length + 1)
      made[piece.name] = await lay(stage, piece)
    }
    await writeFile(join(stage, 'manifest.json'), pretty({ ...about, pieces: made }))
    onProgress(`${name}.tar.gz`, pieces.length, pieces.length + 1)
    const packed = await pack(stage, join(folder, `${name}.tar.gz.part`), signal)
    const file = `${name}.tar.gz`
    await rename(join(folder, `${file}.part`), join(folder, file))
    await syncFolder(folder)
    await prune(folder)
    return { file, ...packed }
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

export const pretty = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`

/** What the manifest says of a piece: its length, or why it is not there. */
async function lay(stage: string, { name, make }: Piece): Promise<unknown> {
  try {
    const text = await make()
    await writeFile(join(stage, name), text.slice(0, piece_max))
    return text.length > piece_max ? { characters: piece_max, cut: text.length - piece_max } : { characters: text.length }
  } catch (error) {
    return { missing: describe(error).message }
  }
}

async function pack(stage: string, target: string, signal: AbortSignal): Promise<{ bytes: number; sha256: string }> {
  const tar = spawn('tar', ['-cf', '-', '-C', stage, '.'], { stdio: ['ignore', 'pipe', 'ignore'], signal, killSignal: 'SIGKILL' })
  const ended = new Promise<void>((resolve, reject) => {
    tar.once('error', (cause) => reject(noTar(cause)))
    tar.once('close', (code) => (code === 0 ? resolve() : reject(noTar())))
  })
  // Whichever fails first is told; the other then fails, too.
  ended.catch(() => undefined)
  const digest = createHash('sha256')
  let bytes = 0
  const measured = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      digest.update(piece)
      bytes += piece.length
      done(null, piece)
    },
  })
  try {
    await pipeline(tar.stdout, createGzip(), measured, createWriteStream(target, { mode: 0o600 }), { signal })
    await ended
    await syncFile(target)
  } catch (error) {
    await rm(target, { force: true })
    throw error
  }
  return { bytes, sha256: digest.digest('hex') }
}

const noTar = (cause?: unknown): DeviceError =>
  new DeviceError('PC-DIAG-TAR', "The system's program tar is missing or failed, so the diagnosis could not be packed.", { cause })

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** What an interrupted bundle left behind. */
async function sweep(folder: string): Promise<void> {
  await rm(join(folder, staging), { recursive: true, force: true })
  for (const name of await readdir(folder)) {
    if (bundleName.test(name.replace(/\.part$/, '')) && name.endsWith('.part')) await rm(join(folder, name), { force: true })
  }
}

/** The names hold the time, so that the oldest come first. */
async function prune(folder: string): Promise<void> {
  const bundles = (await readdir(folder)).filter((name) => bundleName.test(name)).sort()
  for (const name of bundles.slice(0, -bundles_max)) await rm(join(folder, name), { force: true })
}
