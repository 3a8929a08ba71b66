/** How fast a backlog leaves the device: the real journal on disk, the uplink and the embedded broker in one process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { Broker } from '../../edge/uplink/broker.ts'
import { Uplink } from '../../edge/uplink/uplink.ts'

export interface Figure {
  name: string
  value: number
  unit: string
}

/** About what one step of the gate writes. */
const body = {
  now: 123_456_789, input: { kind: 'presence', zone: 'exit', occupied: false },
  effects: [
    { kind: 'barrier', part: 'exit', action: 'close' }, { kind: 'indicator', part: 'lamp', colour: 'red' },
    { kind: 'show', phase: 'idle', instruction: 'lay-document' },
  ],
}

const limit_ms = 60_000

/** @returns `uplink.drain` in facts per second, from the first fact that reached the broker to the last. */
export async function benchUplink(facts = 20_000): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
  const journal = await Journal.open({ file: join(folder, 'journal.db'), device: 'bench', clock: systemClock, log: silent })
  const broker = await Broker.start({ log: silent })
  const where = { site: 'bench', device: 'bench' }
  const uplink = new Uplink({
    ...where, version: '0', epoch: journal.epoch, source: journal, sink: journal, model: new DeviceModel(),
    clock: systemClock, log: silent, connect: { url: broker.url },
  })
  try {
    for (let written = 0; written < facts; written += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, () => journal.append({ kind: 'gate.step', class: 'passage', body })))
    }
    const drained = drain(broker, uplink.topics.facts, journal.last)
    await uplink.start(AbortSignal.timeout(limit_ms))
    return [{ name: 'uplink.drain', value: Math.round(await drained), unit: 'per_s' }]
  } finally {
    await uplink.stop()
    await broker.stop()
    await journal.close()
    rmSync(folder, { recursive: true })
  }
}

function drain(broker: Broker, topic: string, expected: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.after(limit_ms, () => reject(new Error('the backlog did not drain in time')))
    let arrived = 0
    let first = 0
    broker.arrivals.add((arrival) => {
      if (arrival.topic !== topic) return
      if (arrived++ === 0) first = systemClock.now()
      if (arrived !== expected) return
      cancel()
      resolve(((expected - 1) * 1000) / (systemClock.now() - first))
    })
  })
}
