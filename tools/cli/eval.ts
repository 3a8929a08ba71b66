/** `portcullis eval`: accuracy on labelled data, one line each: EVAL <name> <value> <unit>. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import type { Figure } from '../bench/figure.ts'
import { root } from '../house/sources.ts'

type Say = (figure: Figure) => void

/** What is measured on which part of the data; each says on standard error what it had to leave out. */
const evaluations: Record<string, (data: string, say: Say, quick: boolean) => Promise<void>> = {
  faces: async (data, say, quick) => await (await import('../models/eval-face.ts')).evaluateFaces(data, say, quick ? { quick } : {}),
  points: async (data, say) => {
    await (await import('../lidar/eval-points.ts')).evaluatePoints(data, say)
    const ouster = await import('../lidar/eval-ouster.ts')
    await ouster.evaluateOuster(data, say)
    await (await import('../lidar/eval-sick.ts')).evaluateSick(data, say)
    await (await import('../lidar/eval-rplidar.ts')).evaluateRplidar(data, say)
  },
  zones: async (data, say) => await (await import('../lidar/eval-ouster.ts')).evaluateZones(data, say),
  obstacles: async (data, say) => await (await import('../lidar/eval-kitti.ts')).evaluateKitti(data, say),
  objects: async (data, say) => await (await import('../lidar/eval-objects.ts')).evaluateObjects(data, say),
}

export function command(): Command {
  return new Command('eval')
    .description('Measures accuracy on labelled data; one line each: EVAL <name> <value> <unit>, and build/eval.json.')
    .argument('[names...]', `which of ${Object.keys(evaluations).join(', ')}; all unless named`)
    .requiredOption('--data <folder>', 'the folder that holds faces/, faces-pad/, lidar/ and plates/')
    .option('--quick', 'on a part of the faces')
    .addHelpText('after', '\nExample:\n  portcullis eval --data ../shared/data --quick')
    .action(evaluate)
}

async function evaluate(names: string[], { data, quick }: { data: string; quick?: boolean }): Promise<void> {
  if (!existsSync(data)) throw new UsageError('PC-CLI-FILE', `There is no folder ${data}.`)
  const unknown = names.find((name) => !Object.hasOwn(evaluations, name))
  if (unknown !== undefined) throw new UsageError('PC-CLI-OPTION', `There is no evaluation ${unknown}: take ${Object.keys(evaluations).join(', ')}.`)
  const figures: Figure[] = []
  for (const [name, run] of Object.entries(evaluations)) {
    if (names.length > 0 && !names.includes(name)) continue
    process.stderr.write(`eval: ${name} ...\n`)
    await run(data, (figure) => {
      const value = Number(figure.value.toPrecision(4))
      figures.push({ ...figure, value })
      process.stdout.write(`EVAL ${figure.name} ${value} ${figure.unit}\n`)
    }, quick === true)
  }
  mkdirSync(join(root, 'build'), { recursive: true })
  writeFileSync(join(root, 'build', 'eval.json'), `${JSON.stringify({ figures }, null, 2)}\n`)
}
