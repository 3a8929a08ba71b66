/** The yard that the lidar benches look at, and the vehicle that they look from: as profiles/igv.yaml has it, with an OS1-128 in front. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { Scene, seeded } from '../../drivers/lidar/yard/scene.ts'
import type { Metadata } from '../../drivers/lidar/ouster/metadata.ts'
import { sampleMetadata } from '../../drivers/lidar/ouster/sample.ts'
import { checkProfile, type LoadedProfile } from '../../profiles/load.ts'
import type { IgvProfile } from '../../profiles/profile.ts'
import { root } from '../house/sources.ts'

/** On a mast above the bumper, 1.1 m above the ground. */
export const mount = { x: 1.45, y: 0, z: 1.1 } as const
/** With this the set `ahead` of the profile is in use. */
export const motion = { speed_mps: 1, steering_deg: 0, load: 'loaded' } as const
/** Of people who stand in the way: of nothing else, so that their returns can be told from all others. */
export const obstacleReflectance = 0.31

export const os1 = (profile: 'RNG19_RFL8_SIG16_NIR16' | 'RNG19_RFL8_SIG16_NIR16_DUAL' | 'LEGACY' = 'RNG19_RFL8_SIG16_NIR16'): Metadata =>
  sampleMetadata({ model: 'OS-1-128', columnsPerFrame: 1024, framesPerSecond: 10, profile })

/** A lane between a hall and a fence, in light rain, with containers, trucks, a car and eight people; nothing stands in the stop field. */
export function yard(seed: number): Scene {
  const scene = new Scene({ mount, random: seeded(seed) })
  // The vehicle's own deck, behind and below the sensor.
  scene.box({ x: -0.2, y: 0, length: 2.8, width: 1.3, height: 0.75, reflectance: 0.5 })
  scene.wall({ from: [-45, 11], to: [60, 11], height: 7 })
  scene.wall({ from: [-45, -16], to: [60, -16], height: 2.4, porous: 0.6, reflectance: 0.45 })
  scene.wall({ from: [60, -16], to: [60, 11], height: 5 })
  for (let place = 0; place < 4; place++) scene.box({ x: 14 + 13 * place, y: -8, length: 12.2, width: 2.44, height: 2.6 * (1 + (place % 2)), reflectance: 0.35 })
  scene.box({ x: 12, y: 5, length: 16, width: 2.5, height: 3.8, reflectance: 0.6, vx: -4 })
  scene.box({ x: -18, y: 4.5, length: 12, width: 2.5, height: 3.6, reflectance: 0.6, vx: 3 })
  scene.box({ x: -9, y: -5, length: 4.4, width: 1.8, height: 1.5, reflectance: 0.7, vx: 5 })
  scene.box({ x: 6, y: -4.5, length: 1.2, width: 1, height: 1.2, reflectance: 0.4 })
  const people = [[5, 3.2, 1.2], [8.5, 2.6, -1.1], [10, -3.4, 0.8], [3, -3.8, 0], [-4, 3, 1.4], [-6, -3, -1], [18, 1.8, -1.3], [25, -3, 0]] as const
  for (const [x, y, vx] of people) scene.person({ x, y, vx, reflectance: 0.25 })
  for (const x of [-12, 4, 20, 36]) scene.cylinder({ x, y: 8.5, radius: 0.15, height: 6 })
  scene.weather = { share: 0.004, near_m: 0.5, far_m: 12 }
  return scene
}

/** People who stand in the stop field of the set `ahead` (1.6 to 4.2 m, 0.9 m to each side), and a leg alone: what remains of somebody behind a corner. */
export const obstacles: readonly ((scene: Scene) => void)[] = [
  ...([[2.2, 0], [2.6, -0.6], [3, 0.6], [3.4, 0.1], [3.8, -0.5], [3.9, 0.6]] as const).map(([x, y]) => (scene: Scene) => void scene.person({ x, y, reflectance: obstacleReflectance })),
  ...([[2.4, 0.5], [3.2, -0.3], [3.9, 0.3]] as const).map(([x, y]) => (scene: Scene) => void scene.cylinder({ x, y, radius: 0.07, height: 0.85, reflectance: obstacleReflectance })),
]

/** The vehicle's profile with this one lidar. @param link how the lidar is connected: its driver's options */
export async function vehicle(link: { use: string } & Record<string, unknown>, changes: Partial<IgvProfile['obstacles']> = {}): Promise<LoadedProfile<IgvProfile>> {
  const profile = parse(await readFile(join(root, 'profiles', 'igv.yaml'), 'utf8')) as IgvProfile
  profile.parts = { front: link }
  profile.obstacles = { ...profile.obstacles, ...changes, sources: { front: { mount } } as unknown as IgvProfile['obstacles']['sources'] }
  const { loaded, mistakes: [first] } = await checkProfile(JSON.stringify(profile))
  if (loaded === undefined) throw new Error(first?.says ?? 'The profile of the bench is wrong.')
  return loaded as LoadedProfile<IgvProfile>
}
