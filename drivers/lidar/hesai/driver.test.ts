import t from 'tap'
import { conformance, until } from '../../kit/conformance.ts'
import { Scene } from '../yard/scene.ts'
import { driver } from './driver.ts'
import { pandarTwin } from './twin.ts'

/** The limits are generous where a busy test machine could reach them. */
const quick = { reconnect_ms: 20, first_ms: 400, silent_ms: 400, well_ms: 100, late_ms: 2_000, clock_jump_ms: 2_000, turn_ms: 5_000, lost_share_max: 0.9 }

conformance(t, {
  driver,
  twin: () => {
    const scene = new Scene({ mount: { z: 1 } })
    scene.box({ x: 2.5, y: 0, length: 1, width: 8, height: 4 })
    return pandarTwin({ scene, returns: 'last-strongest', castTurns: 2 })
  },
  options: quick,
  answers: false,
  async exercise(sensor) {
    let seen = 0
    const stop = sensor.onStream('points', (block) => {
      for (let index = 0; index < block.beams; index++) {
        if (Math.abs((block.x[index] ?? 0) - 2) < 0.1 && Math.abs(block.y[index] ?? 9) < 0.5 && (block.z[index] ?? 9) < 1) seen++
      }
    })
    await until(() => seen > 20, 'the wall ahead is seen').finally(stop)
  },
})
