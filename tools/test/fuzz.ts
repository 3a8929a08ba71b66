/**
 * Fuzzes every parser that meets outside bytes for a while: examples are cut, spliced, flipped and
 * grown. A parser fails when it throws what has no code, takes long, or keeps too much. What made it
 * fail lies in build/fuzz as a file.
 *
 *     node tools/test/fuzz.ts [--seconds 5] [name...]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { concat } from '../../edge/base/bytes.ts'
import { PortcullisError } from '../../edge/base/error.ts'
import { root } from '../house/sources.ts'
import { seeded } from '../site/random.ts'
import { type FuzzTarget, fuzzTargets } from './fuzz-targets.ts'

/** One input may take this long; a busy machine is slow now and then, so it must do so twice. */
const slow_ms = 250
const inputMax = 16_384

const { values, positionals } = parseArgs({ options: { seconds: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } }, allowPositionals: true })
const seconds = Number(values.seconds)
const random = seeded(Number(values.seed))
const below = (limit: number): number => Math.floor(random() * limit)

function mutated({ examples }: FuzzTarget): Uint8Array {
  const pick = (): Uint8Array => examples[below(examples.length)] ?? new Uint8Array(0)
  let bytes: Uint8Array = pick().slice()
  for (let changes = 1 + below(6); changes > 0; changes--) bytes = change(bytes, pick)
  return bytes.subarray(0, inputMax)
}

function change(bytes: Uint8Array, pick: () => Uint8Array): Uint8Array {
  const at = below(bytes.length + 1)
  const noise = (): Uint8Array => Uint8Array.from({ length: below(9) }, () => below(256))
  switch (below(6)) {
    case 0: {
      const flipped = bytes.slice()
      if (flipped.length > 0) flipped[at % flipped.length] = below(256)
      return flipped
    }
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return concat([bytes.subarray(0, at), noise(), bytes.subarray(at)])
    case 3:
      return concat([bytes.subarray(0, at), pick()])
    case 4:
      return concat([bytes, bytes.subarray(at), noise()])
    default:
      return concat([bytes.subarray(0, at), bytes.subarray(at + below(9))])
  }
}

/** Why the parser must not do what it did with these bytes; `undefined` when it did well. */
async function misbehaviour(target: FuzzTarget, bytes: Uint8Array): Promise<string | undefined> {
  const started = performance.now()
  try {
    await target.parse(bytes)
  } catch (error) {
    if (!(error instanceof PortcullisError)) return error instanceof Error ? (error.stack ?? error.message) : 'it threw something'
  }
  const took_ms = performance.now() - started
  return took_ms > slow_ms ? `it took ${Math.round(took_ms)} ms for ${bytes.length} bytes` : undefined
}

let failed = 0
const wanted = fuzzTargets.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
for (const target of wanted) {
  const until = performance.now() + seconds * 1000
  let inputs = 0
  let found: string | undefined
  while (performance.now() < until && found === undefined) {
    const bytes = mutated(target)
    inputs++
    if (await misbehaviour(target, bytes) === undefined) continue
    found = await misbehaviour(target, bytes)
    if (found === undefined) continue
    const folder = join(root, 'build', 'fuzz')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, target.name), bytes)
  }
  if (found !== undefined) failed++
  process.stdout.write(`FUZZ ${target.name} ${inputs} inputs${found === undefined ? '' : ` FAILED (build/fuzz/${target.name}): ${found}`}\n`)
}
process.stdout.write(`${wanted.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 && wanted.length > 0 ? 0 : 1
