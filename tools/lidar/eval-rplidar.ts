/** How much of the recorded scans of RPLIDARs is understood. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, sep } from 'node:path'
import { ReplyReader } from '../../drivers/lidar/rplidar/reader.ts'
import { recordingOf } from '../../drivers/lidar/rplidar/recording.ts'
import type { Figure } from '../bench/figure.ts'

/** Longer texts are no recordings that a person made at a terminal. */
const text_bytes_max = 64 * 1024 * 1024

/**
 * `lidar.points.rplidar-<name>`: % of the measurements whose check bits hold (S against its inverse, C);
 * beside it how often bytes were missing and the next measurement had to be found again.
 * @param data the folder of evaluation data: all texts below its `lidar` are looked at.
 */
export async function evaluateRplidar(data: string, say: (figure: Figure) => void): Promise<void> {
  for (const file of globSync('lidar/**/*.txt', { cwd: data }).toSorted()) {
    const path = join(data, file)
    const bytes = statSync(path).size > text_bytes_max ? undefined : recordingOf(readFileSync(path, 'latin1'))
    if (bytes === undefined) {
      process.stderr.write(`skipped ${file}: no recording of an RPLIDAR\n`)
      continue
    }
    const reader = new ReplyReader({ node: () => undefined }, true)
    reader.push(bytes)
    const name = `rplidar-${nameOf(file)}`
    say({ name: `lidar.points.${name}`, value: (100 * reader.valid) / (reader.valid + reader.failed), unit: '%' })
    say({ name: `lidar.points.${name}.resyncs`, value: reader.resyncs, unit: 'count' })
  }
}

/** The path below the folder of the source, in one word. */
function nameOf(file: string): string {
  const below = dirname(file).split(sep).slice(2)
  return [...below, basename(file, extname(file))].join('.').replaceAll(/\s+/g, '-')
}
