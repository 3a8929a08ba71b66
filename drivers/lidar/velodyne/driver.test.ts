import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { Scene } from '../yard/scene.ts'
import { lasersOf, vlp16, vlp32c } from './model.ts'
import { velodyneTwin } from './twin.ts'
import { driver } from './vlp16.ts'
import { driver as vlp32cDriver } from './vlp32c.ts'

/** The limits are generous where a busy test machine could reach them. */
const quick = { reconnect_ms: 20, first_ms: 400, silent_ms: 400, well_ms: 100, late_ms: 2_000, clock_jump_ms: 2_000, turn_ms: 5_000, lost_share_max: 0.9 }
type Sensor = ReturnType<typeof driver.create>['component']

/** Waits until points come and the wall that stands two metres ahead is seen. */
async function seesTheWall(sensor: Sensor): Promise<void> {
  let seen = 0
  const stop = sensor.onStream('points', (block) => {
    for (let index = 0; index < block.beams; index++) {
      if (Math.abs((block.x[index] ?? 0) - 2) < 0.1 && Math.abs(block.y[index] ?? 9) < 0.5 && (block.z[index] ?? 9) < 1) seen++
    }
  })
  await until(() => seen > 20, 'the wall is seen').finally(stop)
}

const sceneWithWall = (): Scene => {
  const scene = new Scene({ mount: { z: 1 } })
  scene.box({ x: 2.5, y: 0, length: 1, width: 8, height: 4 })
  return scene
}

conformance(t, {
  driver,
  twin: () => velodyneTwin(vlp16, { scene: sceneWithWall() }),
  options: quick,
  answers: false,
  exercise: seesTheWall,
})

void t.test('a VLP-32C with dual returns, its own calibration, and a VLP-16 in its place', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-velodyne-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const calibration = join(folder, 'vlp32c.yaml')
  await writeFile(calibration, JSON.stringify({
    num_lasers: 32, distance_resolution: 0.004,
    lasers: lasersOf(vlp32c).map(({ elevation, azimuth }, laser_id) => ({ laser_id, vert_correction: elevation, rot_correction: -azimuth })),
  }))
  for (const [model, health] of [[vlp32c, 'ready'], [vlp16, 'failed']] as const) {
    const twin = velodyneTwin(model, { scene: sceneWithWall(), returns: 'dual' })
    const options = { ...quick, ...await twin.start(), calibration }
    t.strictSame(mistakes(vlp32cDriver.options, options), [])
    const device = vlp32cDriver.create(options as never, standaloneContext('lidar', systemClock))
    await device.start(new AbortController().signal)
    try {
      await until(() => device.component.health.status === health, `it is ${health}`)
      if (health === 'ready') await seesTheWall(device.component)
      else t.match(device.component.health, { code: 'PC-LIDAR-WRONG-SENSOR' })
    } finally {
      await device.stop()
      await twin.stop()
    }
  }
  const context = standaloneContext('lidar', systemClock)
  const create = (calibration: string) => () => vlp32cDriver.create({ ...quick, listen: 'udp://127.0.0.1:1', calibration } as never, context)
  t.throws(create(join(folder, 'none')), { code: 'PC-LIDAR-CALIBRATION' })
  t.throws(create(folder), { code: 'PC-LIDAR-CALIBRATION' })
  await writeFile(calibration, 'x'.repeat(100_000))
  t.throws(create(calibration), { code: 'PC-LIDAR-CALIBRATION', message: /longer than any/ })
})
