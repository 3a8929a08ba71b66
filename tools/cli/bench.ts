/** `portcullis bench`: every benchmark, one line each, and build/bench.json. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import type { Figure } from '../bench/figure.ts'
import { root } from '../house/sources.ts'

interface BenchOptions {
  travellers: string
  stops: string
  json?: boolean
}

const benches: Record<string, (options: { travellers: number; stops: number }) => Promise<Figure[]>> = {
  gate: async ({ travellers }) => await (await import('../bench/gate.ts')).benchGate(travellers),
  journal: async () => await (await import('../bench/journal.ts')).benchJournal(),
  uplink: async () => await (await import('../bench/uplink.ts')).benchUplink(),
  service: async () => await (await import('../bench/service.ts')).benchService(),
  face: async () => await (await import('../bench/face.ts')).benchFaces(),
  console: async () => await (await import('../bench/console.ts')).benchConsole(),
  transfer: async () => await (await import('../bench/transfer.ts')).benchTransfer(),
  opcua: async () => await (await import('../bench/opcua.ts')).benchOpcua(),
  lidar: async ({ stops }) => await (await import('../bench/lidar.ts')).benchLidar(stops),
}

export function command(): Command {
  return new Command('bench')
    .description('Measures; one line each: BENCH <name> <value> <unit>.')
    .argument('[names...]', `which of ${Object.keys(benches).join(', ')}; all unless named`)
    .option('--travellers <number>', 'how many walk through the gate', '40')
    .option('--stops <number>', 'how often somebody stands in a vehicle\'s way', '200')
    .option('--json', 'one JSON object instead of lines')
    .addHelpText('after', '\nExample:\n  portcullis bench journal')
    .action(bench)
}

async function bench(names: string[], options: BenchOptions): Promise<void> {
  const travellers = Number(options.travellers)
  if (!Number.isInteger(travellers) || travellers < 1) throw new UsageError('PC-CLI-OPTION', 'The number of travellers must be a whole number from 1.')
  const stops = Number(options.stops)
  if (!Number.isInteger(stops) || stops < 1) throw new UsageError('PC-CLI-OPTION', 'The number of stops must be a whole number from 1.')
  const unknown = names.find((name) => !Object.hasOwn(benches, name))
  if (unknown !== undefined) throw new UsageError('PC-CLI-OPTION', `There is no benchmark ${unknown}: take ${Object.keys(benches).join(', ')}.`)
  const figures: Figure[] = []
  for (const [name, run] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue
    process.stderr.write(`bench: ${name} ...\n`)
    for (const figure of await run({ travellers, stops })) {
      const value = Number(figure.value.toPrecision(4))
      figures.push({ ...figure, value })
      if (options.json !== true) process.stdout.write(`BENCH ${figure.name} ${value} ${figure.unit}\n`)
    }
  }
  const result = { machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version }, figures }
  mkdirSync(join(root, 'build'), { recursive: true })
  writeFileSync(join(root, 'build', 'bench.json'), `${JSON.stringify(result, null, 2)}\n`)
  if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`)
}
