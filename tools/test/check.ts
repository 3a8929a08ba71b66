/** Types, lint, house rules, profiles and licences: what must hold of the code without running it. */
import { spawnSync } from 'node:child_process'
import { badLicences } from '../house/licences.ts'
import { root } from '../house/sources.ts'

function step(name: string, command: string, args: readonly string[]): boolean {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`)
  if (status !== 0) process.stdout.write(`${stdout}${stderr}\n`)
  return status === 0
}

function licences(): boolean {
  const bad = badLicences()
  process.stdout.write(`${bad.length === 0 ? 'ok  ' : 'FAIL'} licences\n${bad.map((line) => `  ${line}\n`).join('')}`)
  return bad.length === 0
}

const results = [
  step('types', 'tsc', []),
  step('lint', 'oxlint', ['--type-aware', 'edge', 'drivers', 'profiles', 'ota', 'tools']),
  step('house rules', 'tap', ['--disable-coverage', '--reporter=terse', 'tools/house/house.test.ts']),
  step('profiles', 'node', ['tools/cli/portcullis.ts', 'check', 'profiles']),
  step('profile schema', 'node', ['tools/cli/portcullis.ts', 'schema', '--check']),
  licences(),
]
process.exitCode = results.every(Boolean) ? 0 : 1
