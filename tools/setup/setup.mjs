// Makes a fresh machine ready: Debian packages, the pinned Node, npm packages, models and pictures.
//
// Plain JavaScript without dependencies, because it runs on whatever Node (>= 20) the host has,
// before anything else is there. Every step is skipped when what it makes is already in place.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const build = join(root, 'build')
const say = text => process.stderr.write(`setup: ${text}\n`)

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', ...options })
  if (done.status !== 0) {
    const tail = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n')
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed (${done.error?.message ?? done.status}):\n${tail}`)
  }
  return done.stdout
}

/** A step is done when its result is there and its stamp holds the hash of what it was made from. */
function once(name, result, inputs, step) {
  const stamp = join(build, 'stamps', name)
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex')
  if (existsSync(join(root, result)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  step()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
}

function debianPackages() {
  if (!existsSync('/etc/debian_version')) {
    say('not Debian: install the programs of apt-packages.txt by hand')
    return
  }
  const wanted = readFileSync(join(root, 'apt-packages.txt'), 'utf8').split('\n')
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .map(line => ({ name: line.split(/\s+/)[0], without: line.replace(/^\S+\s+/, '') }))
  const has = name => spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' }).stdout?.includes('ok installed')
  const missing = wanted.filter(({ name }) => !has(name))
  if (missing.length === 0) return
  if (process.getuid() !== 0) {
    for (const { name, without } of missing) say(`package ${name} is missing: ${without}`)
    say(`install them with: sudo apt-get install ${missing.map(p => p.name).join(' ')}`)
    return
  }
  say(`installing ${missing.map(p => p.name).join(' ')} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-qq'], { env })
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing.map(p => p.name)], { env })
}

/** The pinned Node comes as an npm package that holds the binary and its C headers. */
function pinnedNode() {
  const { version, integrity } = JSON.parse(readFileSync(join(root, 'tools/setup/node-version.json'), 'utf8'))
  const expected = integrity[process.arch]
  if (process.platform !== 'linux' || expected === undefined) throw new Error(`no pinned Node for ${process.platform}-${process.arch}: x64 and arm64 Linux are supported`)
  once('node', 'build/node/bin/node', { version, expected }, () => {
    say(`fetching Node ${version} ...`)
    const scratch = join(build, 'node.new')
    rmSync(scratch, { recursive: true, force: true })
    mkdirSync(scratch, { recursive: true })
    const file = run('npm', ['pack', '--silent', '--pack-destination', scratch, `node-linux-${process.arch}@${version}`]).trim().split('\n').pop()
    const found = `sha512-${createHash('sha512').update(readFileSync(join(scratch, file))).digest('base64')}`
    if (found !== expected) throw new Error(`node-linux-${process.arch}@${version} is not the package that tools/setup/node-version.json names`)
    run('tar', ['xzf', file], { cwd: scratch })
    rmSync(join(build, 'node'), { recursive: true, force: true })
    renameSync(join(scratch, 'package'), join(build, 'node'))
    rmSync(scratch, { recursive: true, force: true })
  })
  return { ...process.env, PATH: `${join(build, 'node/bin')}:${process.env.PATH}` }
}

function npmPackages(env) {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  once('npm', 'node_modules/.bin/tap', { lock }, () => {
    say('installing npm packages ...')
    run('npm', ['ci', '--ignore-scripts'], { env })
    run('node_modules/.bin/tap', ['build'], { env })
  })
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const compiler = spawnSync('g++', ['--version']).status === 0 && spawnSync('python3', ['--version']).status === 0
  once('addons', 'node_modules', { lock, allowScripts, compiler }, () => {
    if (!compiler) {
      say('no C++ compiler: GPIO edges (onoff) will not be available')
      return
    }
    say(`building native add-ons: ${Object.keys(allowScripts).join(', ')} ...`)
    const built = spawnSync('npm', ['rebuild', '--ignore-scripts=false', ...Object.keys(allowScripts)], {
      cwd: root, encoding: 'utf8', env: { ...env, npm_package_config_node_gyp_nodedir: join(build, 'node') },
    })
    if (built.status !== 0) say(`native add-ons were not built; GPIO edges (onoff) will not be available\n${built.stderr.trim().split('\n').slice(-5).join('\n')}`)
  })
}

/** Later steps are TypeScript of the project itself, run by the pinned Node; each knows when it has nothing to do. */
function ownSteps(env) {
  for (const script of ['tools/models/prepare.ts', 'tools/bundle/bundle-page.ts']) {
    execFileSync('node', [join(root, script)], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

try {
  if (Number(process.versions.node.split('.')[0]) < 20) throw new Error(`this Node is ${process.version}; any Node >= 20 will do`)
  mkdirSync(build, { recursive: true })
  debianPackages()
  const env = pinnedNode()
  npmPackages(env)
  ownSteps(env)
} catch (error) {
  say(error.message)
  process.exitCode = 1
}
