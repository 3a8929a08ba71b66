/**
 * Runs the test suite with tap and ends with one line: `N passed, N failed, N skipped`.
 *
 * Arguments are test files or folders; without any, all tests run.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../house/sources.ts'

const wanted = process.argv.slice(2)
const roots = wanted.length === 0 ? ['edge', 'drivers', 'profiles', 'ota', 'tools'] : wanted
const files = roots.flatMap((path) => (path.endsWith('.ts') ? [path] : globSync(`${path}/**/*.test.ts`, { cwd: root }))).sort()
const record = join(root, 'build', 'test.tap')

mkdirSync(join(root, 'build'), { recursive: true })
rmSync(record, { force: true })

const tap = spawn('tap', ['--jobs=2', '--timeout=240', '--disable-coverage', `--reporter=${process.stdout.isTTY ? 'terse' : 'silent'}`, `--output-file=${record}`, ...files], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
tap.once('error', (error) => {
  process.stderr.write(`The tests could not be started: ${error.message}. Run make setup first.\n`)
  process.exitCode = 1
})
tap.once('exit', (code) => {
  const counts = countTests()
  const { passed, skipped } = counts
  // A file that breaks outside its tests fails the run without a failed test of its own.
  const failed = code !== 0 && counts.failed === 0 ? 1 : counts.failed
  if (failed > 0 && !process.stdout.isTTY) process.stdout.write(`${failures()}\nThe whole record is in build/test.tap.\n`)
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
})

/** Counts test cases in the TAP record: the summary lines of the tests inside each file. */
function countTests(): { passed: number; failed: number; skipped: number } {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  let text = ''
  try {
    text = readFileSync(record, 'utf8')
  } catch {
    return { ...counts, failed: 1 }
  }
  for (const line of text.split('\n')) {
    const found = /^ {4,}(not )?ok \d+ - .*# (time=|SKIP)/i.exec(line)
    if (found === null) continue
    if (/# SKIP/i.test(line)) {
      counts.skipped++
      process.stdout.write(`skipped: ${line.trim().replace(/^ok \d+ - /, '')}\n`)
    } else if (found[1] === undefined) counts.passed++
    else counts.failed++
  }
  return counts
}

/** What failed, with what was found and expected, for those who have no terminal to look at. */
function failures(): string {
  const found: string[] = []
  let depth = -1
  for (const line of readFileSync(record, 'utf8').split('\n')) {
    if (/^\s*not ok /.test(line)) depth = line.search(/\S/)
    if (depth >= 0) found.push(line)
    if (depth >= 0 && line.trim() === '...') depth = -1
  }
  return found.slice(0, 400).join('\n')
}
