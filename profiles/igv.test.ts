/** Whether the sensors of the vehicle's profile, mounted as it says, see what its stop fields are for. */
import { join } from 'node:path'
import t from 'tap'
import { SafetyMonitor } from '../edge/perception/obstacles/monitor.ts'
import { isInside, type Post, seeded, sensorModels, Yard } from '../edge/perception/obstacles/safety/yard.ts'
import { loadProfile } from './load.ts'
import type { IgvProfile } from './profile.ts'

/** Coarser than the real ones: what these see those see. */
const mast = { ...sensorModels.beams16, columnsPerTurn: 900, columnsPerBlock: 30 }
/** The test bodies for persons (ISO 3691-4): the one that stands, and the height of the one that lies. */
const bodies = { standing: { radius: 0.035, from_z: 0, to_z: 0.4 }, lying: { radius: 0.1, from_z: 0, to_z: 0.2 } }
/** Inside of a field by so much; nearer to a scanner than this is within its housing. Metres. */
const inside_m = 0.06
const housing_m = 0.2
const turns = 6

void t.test('both test bodies stop the vehicle wherever they are in a stop field', async (t) => {
  const { profile: { obstacles }, parts } = await loadProfile(join(import.meta.dirname, 'igv.yaml')) as { profile: IgvProfile; parts: ReadonlyMap<string, { driver: { name: string } }> }
  // The vehicle's own mast is not in this yard: without it nothing can be said of the mounts.
  const sources = Object.fromEntries(Object.entries(obstacles.sources).map(([name, source]) => [name, { ...source, reference: [] }]))
  const setup = { ...obstacles, sources }
  const sensors = Object.entries(sources).map(([name, { mount }]) =>
    ({ name, mount, yard: new Yard({ sensor: parts.get(name)?.driver.name === 'lidar/sick-tim' ? sensorModels.flat : mast, mount }) }))
  const saidWith = (post: Post): string => {
    const monitor = new SafetyMonitor(setup)
    for (let turn = 0, now_ms = 1_000; turn < turns; turn++, now_ms += 100) {
      for (const { name, yard } of sensors) {
        yard.now_ms = now_ms
        yard.posts = [post]
        yard.run(1, (block) => monitor.onBlock(name, block))
      }
    }
    const { level, cause } = monitor.decision()
    return `${level} ${cause?.field ?? cause?.kind}`
  }
  const isFree = (x: number, y: number): boolean =>
    !setup.body.some((outline) => [-0.05, 0.05].some((dx) => [-0.05, 0.05].some((dy) => isInside(outline, x + dx, y + dy))))
    && !sensors.some(({ mount }) => Math.hypot(mount.x - x, mount.y - y) < housing_m)
  const random = seeded(7)
  let tried = 0
  for (const { name, stop } of setup.fields) {
    const [xs, ys] = [stop.map(([x = 0]) => x), stop.map(([, y = 0]) => y)]
    const places = stop.map(([x = 0, y = 0]) => [x + Math.sign(mean(xs) - x) * inside_m, y + Math.sign(mean(ys) - y) * inside_m] as const)
    const [x = 0, y = 0] = [xs, ys].map((axis) => Math.min(...axis) + random() * (Math.max(...axis) - Math.min(...axis)))
    for (const [px, py] of [...places, [x, y] as const]) {
      if (!isInside(stop, px, py) || !isFree(px, py)) continue
      const what = tried++ % 2 === 0 ? 'standing' : 'lying'
      t.match(saidWith({ x: px, y: py, ...bodies[what] }), /^stop \w+\.stop$/, `${what} at ${px.toFixed(2)}, ${py.toFixed(2)} in ${name}`)
    }
  }
  t.ok(tried > 20, `${tried} places`)
})

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
