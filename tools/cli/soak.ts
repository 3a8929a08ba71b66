/** `portcullis soak`: kills the runtime at random moments and says what was lost. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import { root } from '../house/sources.ts'
import { seeded } from '../site/random.ts'
import { soak } from '../site/soak.ts'

export function command(): Command {
  return new Command('soak')
    .description('Kills the runtime (kill -9) at random moments during passages: no acknowledged fact may be lost, no door stay open.')
    .option('--kills <number>', 'how often', '200')
    .option('--seed <number>', 'of the moments', '1')
    .option('--folder <folder>', 'where it works', join(root, 'build', 'soak'))
    .addHelpText('after', '\nExample:\n  portcullis soak --kills 20')
    .action(async (options: { kills: string; seed: string; folder: string }) => {
      const kills = Number(options.kills)
      if (!Number.isInteger(kills) || kills < 1) throw new UsageError('PC-CLI-OPTION', 'The number of kills must be a whole number from 1.')
      const abort = new AbortController()
      process.once('SIGINT', () => abort.abort())
      const bundle = join(root, 'build', 'portcullis', 'start.js')
      const report = await soak({
        folder: options.folder, kills, random: seeded(Number(options.seed)), signal: abort.signal, ...(existsSync(bundle) ? { program: bundle } : {}),
        onProgress: (done) => void process.stderr.write(process.stderr.isTTY ? `\rsoak: ${done} of ${kills} kills` : done % 20 === 0 ? `soak: ${done} of ${kills} kills\n` : ''),
      })
      if (process.stderr.isTTY) process.stderr.write('\n')
      for (const [name, value] of Object.entries(report)) process.stdout.write(`SOAK ${name} ${String(value)}\n`)
      const { lost, openedWithoutFact, entry_ms, exit_ms, limit_ms, both_ms, chainHolds, replays } = report
      const held = lost === 0 && openedWithoutFact === 0 && entry_ms <= limit_ms && exit_ms <= limit_ms && both_ms === 0 && chainHolds && replays && report.kills === kills
      process.stdout.write(held ? 'SOAK held\n' : 'SOAK FAILED\n')
      process.exitCode = held ? 0 : 1
    })
}
