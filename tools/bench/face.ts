/** How long one camera frame takes to become a vector: decoding, finding the face, mesh, alignment, embedding. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { FaceAnalyser } from '../../edge/perception/face/analyser.ts'
import { root } from '../house/sources.ts'
import { type Figure, percentile } from './figure.ts'

const warmUp = 10
const rounds = 100

export async function benchFaces(): Promise<Figure[]> {
  const analyser = await FaceAnalyser.load(join(root, 'build', 'models'), undefined, true)
  const index = JSON.parse(await readFile(join(root, 'build', 'faces', 'index.json'), 'utf8')) as { people: { scripts: { neutral: string[] } }[] }
  const files = index.people.flatMap(({ scripts }) => scripts.neutral.slice(0, 2))
  const frames = await Promise.all(files.map((file) => readFile(join(root, 'build', 'faces', file))))
  const times: number[] = []
  for (let round = 0; round < warmUp + rounds; round++) {
    const before = systemClock.now()
    await analyser.analyse(frames[round % frames.length]!, { vector: true, texture: false })
    if (round >= warmUp) times.push(systemClock.now() - before)
  }
  await analyser.dispose()
  return [
    { name: 'face.embed.p50', value: percentile(times, 0.5), unit: 'ms' },
    { name: 'face.embed.p99', value: percentile(times, 0.99), unit: 'ms' },
  ]
}
