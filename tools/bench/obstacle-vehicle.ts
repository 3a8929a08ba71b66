/** A vehicle's obstacle service with all its threads, as `portcullis run` starts it, and one OS1-128 that is another process. */
import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { metadataJson } from '../../drivers/lidar/ouster/sample.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import type { Decision } from '../../edge/perception/obstacles/contract.ts'
import type { ObstacleService } from '../../edge/perception/obstacles/service.ts'
import { obstaclePaths } from '../../profiles/boot/obstacles.ts'
import { root } from '../house/sources.ts'
import { motion, os1, vehicle } from './lidar-yard.ts'
import { type SenderNews, type SenderRequest, shared_ms, type Shown } from './sender-words.ts'

/** A decision and when this thread heard it. */
export interface Heard {
  decision: Decision
  at_ms: number
  /** Sensor time of the packet that decided, microseconds. */
  start_us: number | undefined
}

/** So that many stops fit into a minute; the profile's own is a second. */
const release_ms = 50
/** A third of the time for which it is believed. */
const motionPeriod_ms = 100

export class ObstacleVehicle {
  readonly folder = mkdtempSync(join(tmpdir(), 'portcullis-lidar-'))
  /** Number of the last packet with an obstacle, -1 before the first. */
  lastShown = -1
  onDecision: (heard: Heard) => void = () => undefined
  #service!: ObstacleService
  #sender!: ChildProcess
  #motion: NodeJS.Timeout | undefined

  async start(): Promise<void> {
    const port = await freePort()
    const metadata = join(this.folder, 'metadata.json')
    writeFileSync(metadata, metadataJson(os1()))
    this.#sender = fork(fileURLToPath(new URL('./lidar-sender.ts', import.meta.url)), [String(port)])
    await this.#hear('ready')
    const loaded = await vehicle({ use: 'lidar/ouster', listen: `udp://127.0.0.1:${port}`, from: '127.0.0.1', metadata }, { release_ms })
    this.#service = obstaclePaths(loaded, { model: new DeviceModel(), clock: systemClock, log: silent, home: root })
    this.component.onChange('decision', (decision) => this.onDecision({ decision, at_ms: shared_ms(), start_us: this.#service.decidedBy?.start_us }))
    await this.#service.start()
    this.#motion = setInterval(() => {
      // Refused or late: the service then says that it does not know the motion, which is counted.
      this.component.invoke('motion', motion).catch(() => undefined)
    }, motionPeriod_ms)
  }

  get component(): ObstacleService['component'] {
    return this.#service.component
  }

  get level(): Decision['level'] {
    return this.#service.decision.level
  }

  show(obstacle: number): void {
    this.#sender.send({ kind: 'show', obstacle } satisfies SenderRequest)
  }

  async hide(): Promise<Shown> {
    this.#sender.send({ kind: 'hide' } satisfies SenderRequest)
    const shown = await this.#hear('hidden') as Shown
    this.lastShown = shown.first + shown.sent_ms.length - 1
    return shown
  }

  async stop(): Promise<void> {
    clearInterval(this.#motion)
    this.#sender.kill()
    await this.#service.stop()
    rmSync(this.folder, { recursive: true })
  }

  async #hear(kind: SenderNews['kind']): Promise<SenderNews> {
    return await new Promise<SenderNews>((resolve, reject) => {
      const sender = this.#sender
      const onEnd = (): void => reject(new Error('The sending process ended.'))
      sender.once('exit', onEnd)
      const onMessage = (news: SenderNews): void => {
        if (news.kind !== kind) return
        sender.off('exit', onEnd)
        sender.off('message', onMessage)
        resolve(news)
      }
      sender.on('message', onMessage)
    })
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}
