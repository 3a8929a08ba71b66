/** Fetches the pinned npm packages and keeps the few files needed, each under its SHA-256. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError, DeviceError } from '../../edge/base/error.ts'
import type { Source } from './pins.ts'

const run = promisify(execFile)
const fetchLimit_ms = 10 * 60_000

/**
 * Makes sure that every file of the source stands in `folder` under its hash.
 * @throws DeviceError (PC-MODEL-REGISTRY) when the package cannot be fetched; ConfigError
 *   (PC-MODEL-INTEGRITY) when it is not the pinned one.
 */
export async function fetchSource(source: Source, folder: string, say: (text: string) => void): Promise<void> {
  const missing = Object.entries(source.files).filter(([, sha256]) => !existsSync(join(folder, sha256)))
  if (missing.length === 0) return
  await mkdir(folder, { recursive: true })
  const scratch = await mkdtemp(join(folder, 'fetching-'))
  try {
    say(`fetching ${source.package} ...`)
    const tarball = await pack(source.package, scratch)
    const integrity = `sha512-${createHash('sha512').update(await readFile(tarball)).digest('base64')}`
    if (integrity !== source.integrity) throw notPinned(source.package)
    await run('tar', ['-xzf', tarball, '-C', scratch, ...missing.map(([path]) => path)])
    for (const [path, sha256] of missing) {
      const content = await readFile(join(scratch, path))
      if (createHash('sha256').update(content).digest('hex') !== sha256) throw notPinned(source.package)
      await rename(join(scratch, path), join(folder, sha256))
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function pack(name: string, folder: string): Promise<string> {
  try {
    await run('npm', ['pack', name, '--silent', '--pack-destination', folder], { timeout: fetchLimit_ms })
    const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz'))
    if (tarball !== undefined) return join(folder, tarball)
  } catch (cause) {
    throw new DeviceError('PC-MODEL-REGISTRY', `The package ${name} cannot be fetched; check the network and the npm registry, and run the set-up again.`, { cause })
  }
  throw new DeviceError('PC-MODEL-REGISTRY', `The npm registry gave no file for ${name}.`)
}

const notPinned = (name: string): ConfigError =>
  new ConfigError('PC-MODEL-INTEGRITY', `The package ${name} is not the one that the project pins; it is not used.`)
