/** What the tests of the technician's page in a browser stand on: the page itself, bundled, and a device that has one of each. */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { house } from '../../access/rig.ts'
import { systemClock } from '../../base/clock.ts'
import { silent } from '../../base/log.ts'
import { Lidar } from '../../device/capabilities.ts'
import { Component } from '../../device/component.ts'
import { CloudRing, pointKinds } from '../../perception/obstacles/cloud.ts'
import { Obstacles } from '../../perception/obstacles/contract.ts'
import { DiagnosisService } from '../../service/diagnosis.ts'
import { LogBook } from '../../service/log-book.ts'
import { logsComponent } from '../../service/logs.ts'
import { emptyOverlay } from '../../service/overlay.ts'
import { SettingsService } from '../../service/settings.ts'
import { TraceService } from '../../service/traces.ts'
import type { LidarScene } from '../lidar/teller.ts'
import { addParts, factsOf, type Rig, sourceOf } from './rig.ts'
import { TechnicianServer } from './server.ts'

/** Flat ground, 2 cm too low, that nods by a degree; and a mark of the reference contour. */
function lidarScene(): LidarScene {
  const ring = new CloudRing(2_000)
  const cloud = ring.begin(1)
  for (let at = 0; at < 1_000; at++) {
    cloud.x[at] = 1 + (at % 40) / 10
    cloud.y[at] = Math.floor(at / 40) / 5 - 2.5
    cloud.z[at] = -0.02 - Math.tan(Math.PI / 180) * (cloud.x[at] ?? 0)
    cloud.kind[at] = pointKinds.ground
  }
  cloud.x[1_000] = 0.5
  cloud.kind[1_000] = pointKinds.body
  cloud.count = 1_001
  ring.end()
  return {
    setup: {
      kind: 'setup', title: 'yard', body: [[[-0.5, -0.4], [0.5, -0.4], [0.5, 0.4], [-0.5, 0.4]]],
      sources: [{ name: 'front', x: 0.5, y: 0, reference: [[[0.45, -0.05], [0.55, -0.05], [0.55, 0.05]], [[3, 3], [3.2, 3], [3.2, 3.2]]] }],
      fields: [{ name: 'creep', stop: [[0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5]] }],
    },
    clouds: [ring],
    state: () => ({ kind: 'state', decision: { level: 'clear' }, fields: 'creep', sources: { front: 'ok' }, objects: [] }),
  }
}

export interface Bench extends Pick<Rig, 'kettle' | 'camera' | 'barrier' | 'gate' | 'done'> {
  address: string
  book: LogBook
  server: TechnicianServer
  settings: SettingsService
}

export async function bench(t: Test): Promise<Bench> {
  const made = await house(t)
  const access = await made.open({}, { clock: systemClock })
  const { model, folder } = made
  const [pageDir, outbox] = [join(folder, 'page'), join(folder, 'outbox')]
  await mkdir(outbox)
  const bundle = `import { bundlePage } from ${JSON.stringify(join(import.meta.dirname, '../../../tools/bundle/bundle-page.ts'))}; await bundlePage(${JSON.stringify(pageDir)}, 'technician')`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', bundle])
  const done: string[] = []
  const parts = addParts({ model, clock: systemClock }, done)
  const book = new LogBook('info', { write: () => undefined })
  const journal = sourceOf(factsOf(Array.from({ length: 120 }, (_, at) => ({ kind: at % 3 === 0 ? 'gate.step' : 'device.health', body: { component: 'camera', note: at === 5 ? 'the rare one' : 'usual' }, wall: Date.UTC(2026, 0, 1) }))))
  const traces = new TraceService({ model, clock: systemClock, secretive: new Set() })
  const set = { x: 0.5, y: 0, z: 1, roll: 0, pitch: 0, yaw: 0 }
  const profile = { gate: { limits: { door_s: 7 } }, obstacles: { sources: { front: { mount: set } } } }
  const settings = new SettingsService({
    clock: systemClock, file: join(folder, 'overlay.json'), start: { overlay: emptyOverlay() }, bare: profile, inForce: profile,
    rules: { check: async () => undefined, isGuarded: () => false, schemaOf: (path) => (path.join('.') === 'gate.limits.door_s' ? { type: 'integer', minimum: 1, maximum: 60 } : { type: 'object' }) },
  })
  const diagnosis = new DiagnosisService({ clock: systemClock, model, journal, book, traces, settings, profile, device: 'site/bl1-e07', version: '1', state: folder, outbox })
  model.add(new Component('front', Lidar, systemClock, { selfTest: async () => ({ passed: true, checks: [] }) }))
  model.add(new Component('obstacles', Obstacles, systemClock, {
    selfTest: async () => ({ passed: true, checks: [] }), motion: async () => ({}),
    mounting: async () => ({ ground: { height_m: -0.02, pitch_deg: 1, roll_deg: 0, points: 1_000 }, level: false, set, found: { ...set, z: 1.029, pitch: -1 } }),
  }) as never)
  const logs = logsComponent(book, model, systemClock)
  for (const component of [logs.component, settings.component, diagnosis.component]) model.add(component as never)
  const server = new TechnicianServer({ model, gatekeeper: access, journal, clock: systemClock, log: silent, device: 'site/bl1-e07', port: 0, pageDir, outbox, lidar: lidarScene() })
  model.add(server.component)
  await server.start()
  t.teardown(async () => {
    await server.stop()
    await access.stop()
    // One was told to write more for a while.
    logs.stop()
  })
  return { ...parts, done, book, server, settings, address: server.address ?? '' }
}
