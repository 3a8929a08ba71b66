/** `portcullis eval`: accuracy on labelled data, one line each: EVAL <name> <value> <unit>. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import type { Figure } from '../bench/figure.ts'
import { root } from '../house/sources.ts'
import { evaluateFaces } from '../models/eval-face.ts'

export function command(): Command {
  return new Command('eval')
    .description('Measures accuracy on labelled data; one line each: EVAL <name> <value> <unit>, and build/eval.json.')
    .requiredOption('--data <folder>', 'the folder that holds faces/ and faces-pad/')
    .option('--quick', 'on a part of the data')
    .addHelpText('after', '\nExample:\n  portcullis eval --data ../shared/data --quick')
    .action(async ({ data, quick }: { data: string; quick?: boolean }) => {
      if (!existsSync(data)) throw new UsageError('PC-CLI-FILE', `There is no folder ${data}.`)
      const figures: Figure[] = []
      await evaluateFaces(data, (figure) => {
        const value = Number(figure.value.toPrecision(4))
        figures.push({ ...figure, value })
        process.stdout.write(`EVAL ${figure.name} ${value} ${figure.unit}\n`)
      }, quick === true ? { quick } : {})
      mkdirSync(join(root, 'build'), { recursive: true })
      writeFileSync(join(root, 'build', 'eval.json'), `${JSON.stringify({ figures }, null, 2)}\n`)
    })
}
