import t from 'tap'
import { systemClock } from '../../edge/base/clock.ts'
import { within } from '../../edge/base/wait.ts'
import { Lidar } from '../../edge/device/capabilities.ts'
import type { PointBlock } from '../../edge/device/points.ts'
import { conformance } from '../kit/conformance.ts'
import { defineDriver, optionsOf } from '../kit/driver.ts'
import { ToyDecoder, ToyEncoder } from './toy-lidar.ts'
import { udpLidar, udpLidarOptions } from './udp-device.ts'
import { UdpLidarTwin } from './udp-twin.ts'

const driver = defineDriver({
  name: 'lidar/toy',
  says: 'A made-up lidar.',
  contract: Lidar,
  options: optionsOf(udpLidarOptions(2_468)),
  create: (options, context) => udpLidar(context, options, new ToyDecoder()),
})
type Sensor = ReturnType<typeof driver.create>['component']

/** The limits are generous where a busy test machine could reach them. */
const quick = { reconnect_ms: 20, first_ms: 400, silent_ms: 400, well_ms: 100, late_ms: 2_000, clock_jump_ms: 2_000, turn_ms: 5_000, lost_share_max: 0.9 }

const nextBlock = async (sensor: Sensor): Promise<PointBlock> => {
  let stop = (): void => undefined
  return await within({ clock: systemClock, limit_ms: 15_000, code: 'PC-TEST-POINTS', message: 'No points came.' }, () => new Promise<PointBlock>((resolve) => {
    stop = sensor.onStream('points', resolve)
  })).finally(() => stop())
}

conformance(t, {
  driver,
  twin: () => new UdpLidarTwin(new ToyEncoder()),
  options: quick,
  answers: false,
  async exercise(sensor) {
    await nextBlock(sensor)
    const block = await nextBlock(sensor)
    if (block.beams !== 160) throw new Error('it shows no points')
  },
})
