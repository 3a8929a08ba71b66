/** The house rules: which way imports go, how large a file may grow, how things are named. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shippedEnvironment, shippedFlags } from '../site/shipped.ts'
import { root, sources, trackedFiles } from './sources.ts'

const all = sources()
const files = trackedFiles()

/** tools -> profiles -> drivers, ota -> edge: a room may import from those that are listed for it. */
const mayImport: Record<string, readonly string[]> = {
  edge: ['edge'],
  drivers: ['drivers', 'edge'],
  ota: ['ota', 'edge'],
  profiles: ['profiles', 'drivers', 'ota', 'edge'],
  tools: ['tools', 'profiles', 'drivers', 'ota', 'edge', 'package.json'],
}

/** A test, or what only tests import. */
const isForTests = (path: string): boolean => {
  if (path.endsWith('.test.ts')) return true
  const importers = all.filter(({ files }) => files.includes(path))
  return importers.length > 0 && importers.every((importer) => isForTests(importer.path))
}

const roomOf = (path: string): string => path.split('/')[0] ?? ''

void t.test('imports go one way: tools -> profiles -> drivers, ota -> edge', async (t) => {
  const wrong = all.flatMap(({ path, files }) =>
    files.filter((file) => !(mayImport[roomOf(path)] ?? []).includes(roomOf(file))).map((file) => `${path} imports ${file}`))
  t.strictSame(wrong, [])
})

void t.test('no two files import each other in a loop', async (t) => {
  const graph = new Map(all.map(({ path, files }) => [path, files]))
  const done = new Set<string>()
  const loops: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      loops.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  t.strictSame(loops, [])
})

void t.test('every import of a project file leads to a file', async (t) => {
  t.strictSame(all.flatMap(({ path, files }) => files.filter((file) => !existsSync(join(root, file))).map((file) => `${path} imports ${file}`)), [])
})

void t.test('no file has over 400 lines, unless a decision names it', async (t) => {
  const decisions = readdirSync(join(root, 'docs/decisions')).map((file) => readFileSync(join(root, 'docs/decisions', file), 'utf8')).join('\n')
  const long = all.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path)
  t.strictSame(long.filter((path) => !decisions.includes(`\`${path}\``)), [])
})

void t.test('names say what things are', async (t) => {
  const vague = /(^|\/)(utils?|helpers?|manager|common|misc|lib|shared|stuff)s?(\/|\.ts$)/i
  t.strictSame(files.filter((path) => vague.test(path)), [])
  t.strictSame(files.filter((path) => path.endsWith('.ts') && !/^[a-z0-9./-]+$/.test(path)), [], 'file names are lower case with dashes')
})

void t.test('every package that is imported is declared, and every one declared is used', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const runtime = { ...dependencies, ...optionalDependencies }
  const declared = { ...runtime, ...devDependencies }
  const isTool = (path: string): boolean => roomOf(path) === 'tools' || isForTests(path)
  t.strictSame(all.flatMap(({ path, packages }) =>
    packages.filter((name) => !(name in (isTool(path) ? declared : runtime))).map((name) => `${path} imports ${name}`)), [])
  const used = new Set(all.flatMap(({ packages }) => packages))
  const tools = new Set(['typescript', 'oxlint', 'oxlint-tsgolint', '@types/node', '@types/ws'])
  t.strictSame(Object.keys(declared).filter((name) => !used.has(name) && !tools.has(name)), [], 'none is declared in vain')
  t.strictSame(Object.values(declared).filter((version) => !/^\d+\.\d+\.\d+$/.test(version)), [], 'versions are exact')
})

void t.test('every error code is explained in docs/errors.md, and nothing else is', async (t) => {
  const text = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const explained = new Set([...text.matchAll(/`(PC-[A-Z0-9-]+)`/g)].map(([, code]) => code ?? ''))
  const used = new Set(all.filter(({ path }) => !path.endsWith('.test.ts')).flatMap(({ text }) => [...text.matchAll(/'(PC-[A-Z0-9-]+)'|['`](?=PC-)([A-Z0-9-]+):/g)].map(([, alone, withText]) => alone ?? withText ?? '')))
  t.strictSame([...used].filter((code) => !explained.has(code)).sort(), [], 'all are explained')
  t.strictSame([...explained].filter((code) => !used.has(code)).sort(), [], 'all exist')
})

void t.test('time is passed in: edge and drivers ask no clock but the one they are given', async (t) => {
  const exempt = new Set(['edge/base/clock.ts', 'drivers/kit/conformance.ts'])
  const asking = all.filter(({ path, text }) => /^(edge|drivers)\//.test(path) && !path.endsWith('.test.ts') && !path.endsWith('twin.ts')
    && !path.includes('/page/') && !exempt.has(path) && /\bDate\.now\(|\bnew Date\(\)/.test(text)).map(({ path }) => path)
  t.strictSame(asking, [])
})

void t.test('the lock file pins every package and names no host', async (t) => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  t.notMatch(lock, /"resolved"/)
  const { packages } = JSON.parse(lock) as { packages: Record<string, { integrity?: string; inBundle?: boolean }> }
  t.strictSame(Object.entries(packages).filter(([path, { integrity, inBundle }]) => path !== '' && inBundle !== true && integrity === undefined).map(([path]) => path), [], 'every package has its hash')
})

void t.test('no file in the repository is larger than 1 MiB', async (t) => {
  t.strictSame(files.filter((path) => path !== 'package-lock.json' && readFileSync(join(root, path)).length > 1_048_576), [])
})

void t.test('what the demo, the benches and the soak start is started as it ships', async (t) => {
  const unit = readFileSync(join(root, 'profiles/systemd/portcullis.service'), 'utf8')
  t.ok(unit.includes(`Environment=${Object.entries(shippedEnvironment).map(([name, value]) => `${name}=${value}`).join(' ')}\n`))
  t.ok(unit.includes(` ${shippedFlags.join(' ')} `))
})
