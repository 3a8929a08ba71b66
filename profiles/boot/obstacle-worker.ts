/** The obstacle worker: the lidars that the vehicle's safety rests on, the safety path, and nothing else. */
import { constants, setPriority } from 'node:os'
import { systemClock } from '../../edge/base/clock.ts'
import { ConfigError } from '../../edge/base/error.ts'
import type { Logger, LogLevel } from '../../edge/base/log.ts'
import { Originals, type RemoteCommand } from '../../edge/device/mirror.ts'
import { CloudRing } from '../../edge/perception/obstacles/cloud.ts'
import { SafetyPath, type LidarComponent } from '../../edge/perception/obstacles/safety-path.ts'
import type { ObstacleNews, ObstacleRequest } from '../../edge/perception/obstacles/service.ts'
import type { ObstacleSetup } from '../../edge/perception/obstacles/setup.ts'
import { Supervisor, type Unit } from '../../edge/run/supervisor.ts'
import { serveWorker } from '../../edge/run/worker-program.ts'
import { threadLogger } from '../../edge/service/thread-logs.ts'
import { loadDriver } from '../../drivers/catalog.ts'
import type { DriverContext } from '../../drivers/kit/driver.ts'

export interface ObstacleWorkerSetup {
  setup: ObstacleSetup
  /** The lidars: what the profile says of each. */
  parts: readonly { name: string; use: string; options: Record<string, unknown> }[]
  log: LogLevel
  /** Where its lines are remembered, and how much it writes is said. */
  logChannel: string
}

interface Handed extends ObstacleWorkerSetup {
  clouds: readonly { source: string; memory: SharedArrayBuffer; pointsMax: number }[]
}

await serveWorker(async (data, tellUntyped) => {
  const { setup, parts, clouds, log: level, logChannel } = data as Handed
  const tell: (news: ObstacleNews) => void = tellUntyped
  const log = threadLogger(level, logChannel)
  goFirst(log)
  const lidars: LidarComponent[] = []
  const units: Unit[] = []
  for (const { name, use, options } of parts) {
    const driver = await loadDriver(use)
    const device = driver.create(options, { name, clock: systemClock, log, part: alone(name), secret: () => Promise.reject(noSecrets(name)) })
    lidars.push(device.component as unknown as LidarComponent)
    units.push({ name, needs: [], restart: 'retry', background: true, start: (signal) => device.start(signal), stop: () => device.stop() })
  }
  const originals = new Originals(lidars, (news) => tell({ kind: 'component', news }))
  const path = new SafetyPath({
    setup, lidars, clouds: new Map(clouds.map(({ source, memory, pointsMax }) => [source, new CloudRing(pointsMax, memory)])), clock: systemClock, tell,
  })
  path.start()
  await new Supervisor(units, systemClock, log).start()
  return {
    about: undefined,
    async handle(untyped) {
      const request = untyped as ObstacleRequest
      if (request.kind === 'command') return await originals.invoke(request satisfies RemoteCommand)
      path.motion(request.motion)
      return {}
    },
  }
})

/** On Linux a priority is a thread's own (setpriority(2)). To raise it takes a right (CAP_SYS_NICE or a limit of the unit). */
function goFirst(log: Logger): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST)
  } catch {
    log.info('the safety path has no higher priority than the rest: the system does not allow it')
  }
}

function alone(name: string): DriverContext['part'] {
  return () => {
    throw new ConfigError('PC-OBSTACLES-ALONE', `${name} is a source of obstacles: it lives in a thread without other parts.`)
  }
}

function noSecrets(name: string): ConfigError {
  return new ConfigError('PC-OBSTACLES-ALONE', `${name} is a source of obstacles: no secrets come to its thread.`)
}
