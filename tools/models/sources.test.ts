import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Source } from './pins.ts'
import { fetchSource } from './sources.ts'

/** A package, and an `npm` on PATH that gives it out, or fails. */
function registry(t: { teardown(action: () => void): void }, gives: boolean): { source: Source; folder: string } {
  const root = mkdtempSync(join(tmpdir(), 'portcullis-sources-'))
  const path = process.env['PATH'] ?? ''
  t.teardown(() => {
    process.env['PATH'] = path
    rmSync(root, { recursive: true })
  })
  mkdirSync(join(root, 'package'))
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'package', 'net.tflite'), 'a model')
  writeFileSync(join(root, 'package', 'other'), 'not needed')
  const tarball = join(root, 'given.tgz')
  execFileSync('tar', ['-czf', tarball, '-C', root, 'package'])
  const npm = join(root, 'bin', 'npm')
  writeFileSync(npm, gives ? `#!/bin/sh\n[ "$1 $2 $4" = "pack thing@1.0.0 --pack-destination" ] && cp '${tarball}' "$5"\n` : '#!/bin/sh\nexit 1\n')
  chmodSync(npm, 0o755)
  process.env['PATH'] = `${join(root, 'bin')}:${path}`
  const source: Source = {
    package: 'thing@1.0.0', licence: 'MIT',
    integrity: `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`,
    files: { 'package/net.tflite': createHash('sha256').update('a model').digest('hex') },
  }
  return { source, folder: join(root, 'kept') }
}

const quiet = (): void => undefined

void t.test('keeps the files needed, drops the rest, and asks nobody the second time', async (t) => {
  const { source, folder } = registry(t, true)
  const said: string[] = []
  await fetchSource(source, folder, (text) => said.push(text))
  t.same(readdirSync(folder), Object.values(source.files))
  t.equal(said.length, 1)
  process.env['PATH'] = ''
  await fetchSource(source, folder, (text) => said.push(text))
  t.equal(said.length, 1)
})

void t.test('another package than the pinned one is not used', async (t) => {
  const { source, folder } = registry(t, true)
  await t.rejects(fetchSource({ ...source, integrity: `sha512-${'A'.repeat(86)}==` }, folder, quiet), { code: 'PC-MODEL-INTEGRITY' })
  await t.rejects(fetchSource({ ...source, files: { 'package/net.tflite': '0'.repeat(64) } }, folder, quiet), { code: 'PC-MODEL-INTEGRITY' })
  t.same(readdirSync(folder), [], 'and leaves nothing behind')
})

void t.test('without a registry it says so', async (t) => {
  const { source, folder } = registry(t, false)
  await t.rejects(fetchSource(source, folder, quiet), { code: 'PC-MODEL-REGISTRY' })
  t.notOk(existsSync(join(folder, 'package')))
})
