import t from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { TimeoutError } from '../../../edge/base/error.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import { conformance } from '../../kit/conformance.ts'
import { driver } from './driver.ts'
import { SickTimTwin } from './twin.ts'

async function nextScan(lidar: Component<typeof Lidar.members>): Promise<void> {
  let came = false
  const stop = lidar.onStream('points', () => {
    came = true
  })
  try {
    for (let waited_ms = 0; !came; waited_ms += 10) {
      if (waited_ms > 1_500) throw new TimeoutError('PC-LIDAR-SILENT', 'No scan came.')
      await sleep(systemClock, 10)
    }
  } finally {
    stop()
  }
}

conformance(t, {
  driver, twin: () => new SickTimTwin(), exercise: nextScan,
  options: { reply_ms: 1_000, reconnect_ms: 20, silent_ms: 300, first_ms: 800, well_ms: 100, late_ms: 2_000, reopen_ms: 600 },
})
