import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../base/clock.ts'
import { sleep } from '../../base/wait.ts'
import { Camera, Lidar } from '../../device/capabilities.ts'
import { Component } from '../../device/component.ts'
import { CloudRing } from '../../perception/obstacles/cloud.ts'
import { Obstacles } from '../../perception/obstacles/contract.ts'
import { measureMounting } from '../../perception/obstacles/mounting.ts'
import { Trial } from '../../perception/obstacles/safety/trial.ts'
import { sensorModels } from '../../perception/obstacles/safety/yard.ts'
import { emptyOverlay } from '../../service/overlay.ts'
import { SettingsService } from '../../service/settings.ts'
import { rig, secretOf } from '../rig.ts'

void t.test('calibrate: a list, a lidar by its floor, a camera by its sharpness, a barrier by its movement', async (t) => {
  const { seat, device } = await rig(t)
  const { model, folder } = device
  const passed = async () => ({ passed: true, checks: [] })
  const ring = new CloudRing(65_536)
  const trial = new Trial({ sensor: sensorModels.beams16, mount: { z: 1.3 }, trueMount: { z: 1.22, pitch: 1 } }, {}, {}, { cloud: () => ring })
  model.add(new Component('front', Lidar, systemClock, { selfTest: passed }))
  model.add(new Component('obstacles', Obstacles, systemClock, {
    selfTest: passed, motion: async () => ({}),
    mounting: async ({ source }, signal) => {
      const found = measureMounting(source, trial.yard.mount, ring, systemClock, signal)
      trial.run(3)
      return await found
    },
  }))
  const profile = { obstacles: { sources: { front: { mount: trial.yard.mount } } } }
  const settings = new SettingsService({
    clock: systemClock, file: join(folder, 'overlay.json'), start: { overlay: emptyOverlay() }, bare: profile, inForce: profile,
    rules: { check: async () => undefined, schemaOf: () => ({}), isGuarded: () => false },
  })
  model.add(settings.component)
  const figures = [12, 48, 24]
  model.add(new Component('eye', Camera, systemClock, {
    selfTest: async () => {
      await sleep(systemClock, 20)
      return { passed: true, checks: [{ name: 'sharpness', passed: true, value: figures.shift() ?? 24, unit: '1', says: 'The picture shows detail.' }] }
    },
  }))
  await seat.login('nguyen')
  t.match(await seat.ask('calibrate'), /^component +what\nflap +its movement[^]*\nfront +its mount[^]*\neye +focus it/)
  t.match(await seat.ask('calibrate gizmo'), 'PC-CONSOLE-SYNTAX')
  t.match(await seat.ask('calibrate flap'), 'PC-CONSOLE-ROLE', 'a barrier as with wiggle')

  const found = /front +set +found +differs\r\nz +1\.300 +1\.2[12]\d +-0\.0[78]\d +m\r\nroll +0\.00 +-?0\.0\d +-?0\.0\d +deg\r\npitch +0\.00 +(0\.9|1\.0)\d +(0\.9|1\.0)\d +deg\r\n/
  seat.type('calibrate front\r')
  t.match(await seat.until(/Type yes to go on: $/), found)
  t.match(await seat.ask('no'), 'PC-CONSOLE-CONFIRM')
  t.strictSame(settings.changes, [])
  seat.type('calibrate front\r')
  await seat.until(/Type yes to go on: $/)
  t.match(await seat.ask('yes'), 'Kept as change 1; in force after "restart". "undo 1" takes it back.')
  t.match(settings.changes, [{ path: ['obstacles', 'sources', 'front', 'mount'], by: 'nguyen', value: { x: 0, y: 0, yaw: 0 } }])
  const { z, pitch } = (settings.changes[0]?.value ?? {}) as { z: number; pitch: number }
  t.ok(Math.abs(z - 1.22) < 0.01 && Math.abs(pitch - 1) < 0.1)

  seat.type('calibrate eye\r')
  await seat.until(/24, best 48 #{20}$/)
  await sleep(systemClock, 100)
  seat.type('\x03')
  await seat.until(/\^C\r\n.*> $/)
  const asked = device.facts.filter(({ kind, body }) => kind === 'access.command' && (body as { component: string }).component === 'eye')
  t.equal(asked.length, 1, 'the first look is on the record')
  seat.type('login vien\r')
  await seat.until(/challenge\): $/)
  seat.type(`${secretOf('vien')}\r`)
  await seat.until(/Welcome, vien[^]*> $/)
  for (const name of ['front', 'eye']) t.match(await seat.ask(`calibrate ${name}`), 'PC-CONSOLE-ROLE')
})

void t.test('fields: each change of what they say, until a key, and which were touched', async (t) => {
  const { seat, device: { model } } = await rig(t)
  const passed = async () => ({ passed: true, checks: [] })
  await seat.login('vien')
  t.match(await seat.ask('fields'), 'PC-CONSOLE-ABSENT')
  const front = new Component('front', Lidar, systemClock, { selfTest: passed })
  const obstacles = new Component('obstacles', Obstacles, systemClock, { selfTest: passed, motion: async () => ({}), mounting: () => Promise.reject(new Error('none')) })
  model.add(front)
  model.add(obstacles)
  front.publish('fields', { 'set1.field1': 'free' })
  obstacles.publish('decision', { level: 'clear' })
  seat.type('fields\r')
  await seat.until(/any key ends[^]*\d\d:\d\d:\d\d {2}clear *\r\n$/)
  obstacles.publish('decision', { level: 'stop', limit_mps: 0, cause: { kind: 'field', source: 'front', field: 'standing stop', x: 1.2, y: -0.3, z: 0.05 } })
  await seat.until(/stop +front standing stop, x 1\.20 y -0\.30 z 0\.05 m\r\n$/)
  obstacles.publish('decision', { level: 'stop', limit_mps: 0, cause: { kind: 'field', source: 'front', field: 'standing stop', x: 1.1, y: -0.3, z: 0.05 } })
  front.publish('fields', { 'set1.field1': 'infringed' })
  await seat.until(/^[\d:]+ {2}infringed +front set1\.field1\r\n$/)
  front.publish('fields', { 'set1.field1': 'free' })
  await seat.until(/free +front set1\.field1\r\n$/)
  obstacles.publish('decision', { level: 'stop', limit_mps: 0, cause: { kind: 'stale', source: 'rear' } })
  await seat.until(/stop +rear stale\r\n$/)
  seat.type(' ')
  t.match(await seat.until(/> $/), /field +times\r\nfront standing stop +1\r\nfront set1\.field1 +1\r\nrear stale +1\r\n/)
})
