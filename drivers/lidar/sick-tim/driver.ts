/** Driver for SICK's two-dimensional scanners TiM5xx, TiM7xx and TiM8xx by CoLa B over TCP. */
import { DeviceError } from '../../../edge/base/error.ts'
import { Type } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { Lidar } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import { troubleCode, troubleSays } from '../../../edge/device/lidar-trouble.ts'
import { defineDriver, expectOption, linkLimits, optionsOf, secretReference } from '../../kit/driver.ts'
import { type Connection, Session } from '../../kit/session.ts'
import { transportTo } from '../../kit/transport.ts'
import { selfTest } from '../stream/self-test.ts'
import { watchOptions } from '../stream/source-watch.ts'
import { tick_ms } from '../stream/tally.ts'
import { colaFramer, type Payload } from './cola.ts'
import { beamsMax } from './scan.ts'
import { ScanStream } from './scan-stream.ts'
import { deviceState, passwordHash, TimSensor } from './sensor.ts'

const options = optionsOf({
  port: Type.String({ pattern: '^tcp://.+:[0-9]+$', description: 'Where the sensor is: tcp://address:2112.' }),
  password: Type.Optional(secretReference()),
  reopen_ms: Type.Integer({ minimum: 200, maximum: 60_000, default: 2_000, description: 'A sensor that is connected but sends no scans for so long is connected anew.' }),
  expect: expectOption(),
  ...watchOptions(),
  ...linkLimits,
})

/** A telegram comes in one go: its rest is not waited for longer. */
const gap_ms = 100

export const driver = defineDriver({
  name: 'lidar/sick-tim',
  says: 'SICK TiM5xx, TiM7xx or TiM8xx, by CoLa B on TCP port 2112.',
  contract: Lidar,
  options,
  create(options, context) {
    const { clock, log, name } = context
    const framer = colaFramer()
    let sensor: TimSensor | undefined
    let beams = beamsMax
    let isWanted = true

    const component: Component<typeof Lidar.members> = new Component(name, Lidar, clock, {
      async selfTest(_, signal) {
        void session.connection
        const state = await sensor?.state()
        const stream = await selfTest({ component, clock, tally: scans.watch.tally, limits: options, nominal: beams * scans.decoder.scans_perS / scans.decoder.every }, signal)
        const isWell = state !== deviceState.error
        return {
          passed: stream.passed && isWell,
          checks: [{ name: 'state', passed: isWell, says: isWell ? 'The sensor reports no error.' : 'The sensor reports an error of its own.' }, ...stream.checks],
        }
      },
    })
    const scans = new ScanStream({ component, clock, log, limits: options, damaged: () => framer.damaged })

    const silent = (): DeviceError => new DeviceError(troubleCode.silent, troubleSays(name, 'silent'), { component: name })

    /** Whether scans that may be believed come in time. */
    const awaitScans = async (signal: AbortSignal): Promise<boolean> => {
      for (let waited_ms = 0; waited_ms < options.first_ms + options.well_ms; waited_ms += tick_ms) {
        if (scans.watch.ready) return true
        await sleep(clock, tick_ms, signal)
        scans.watch.tick()
      }
      return scans.watch.ready
    }

    const begin = async (connection: Connection<Payload>, signal: AbortSignal) => {
      const found = new TimSensor(connection, name)
      sensor = found
      const identity = await found.identity()
      const setup = await found.setup()
      scans.begin(setup)
      await found.subscribe()
      let areComing = await awaitScans(signal)
      if (!areComing && options.password !== undefined) {
        await found.startMeasuring(passwordHash(await context.secret(options.password), name))
        areComing = await awaitScans(signal)
      }
      if (!areComing) throw silent()
      scans.take(await found.results())
      if (setup.beams > 0) ({ beams } = setup)
      return { ...identity, serial: identity.serial ?? String(scans.decoder.serial) }
    }

    let isAsking = false
    /** Beside the ticks, which must not wait for an answer. A link that fails meanwhile is the session's to judge. */
    const askResults = async (): Promise<void> => {
      isAsking = true
      await sensor?.results().then((results) => scans.take(results), (error: unknown) => log.debug({ component: name, error: error as Error }, 'results not told'))
      isAsking = false
    }

    const session = new Session<Payload>({
      component, clock, log, limits: options, expect: options.expect, gap_ms, framer, streams: true,
      transport: transportTo(options.port, { baud: 115_200 }),
      identify: begin,
      async serve(_, signal) {
        scans.accept()
        let silentFor_ms = 0
        while (!signal.aborted) {
          await sleep(clock, tick_ms, signal).catch(() => undefined)
          if (signal.aborted) return
          scans.tick()
          if (scans.isUntold && !isAsking) void askResults()
          silentFor_ms = scans.watch.away ? silentFor_ms + tick_ms : 0
          if (silentFor_ms >= options.reopen_ms) throw silent()
        }
      },
      onFrame: (payload) => scans.receive(payload),
      onLost: () => scans.end(isWanted),
      counted: () => scans.watch.tally.snapshot(),
    })
    return {
      component,
      start(signal) {
        isWanted = true
        return session.start(signal)
      },
      stop() {
        isWanted = false
        return session.stop()
      },
    }
  },
})
