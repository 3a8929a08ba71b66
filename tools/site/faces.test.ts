/**
 * One model, many faces: a part that nobody knew before, in a device that is put together as every other, is found and
 * commanded at the console, over OPC UA, on the technician's page and from the centre; no face has a line for it.
 */
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { defineDriver, optionsOf } from '../../drivers/kit/driver.ts'
import { Accounts } from '../../edge/access/accounts.ts'
import { cost, secrets } from '../../edge/access/rig.ts'
import { SecretHashing } from '../../edge/access/secret.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import { socketOf } from '../../edge/console/sockets.ts'
import { Component } from '../../edge/device/component.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import { ClientProcess } from '../../edge/opcua/client-rig.ts'
import { ownUri } from '../../edge/opcua/space/space.ts'
import { Browser, Kettle } from '../../edge/screen/technician/rig.ts'
import { LogBook } from '../../edge/service/log-book.ts'
import { assemble } from '../../profiles/boot/boot.ts'
import { loadProfile } from '../../profiles/load.ts'
import { newAuthority, provision } from '../authority/authority.ts'
import { Centre } from './centre.ts'
import { igvProfileFile } from './igv-site.ts'
import { writeSiteProfile } from './site-profile.ts'

// Nothing here is about speed.
t.setTimeout(230_000)
const patience_ms = 100_000

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  for (const begin = performance.now(); performance.now() - begin < patience_ms;) {
    const found = look()
    if (found !== undefined) return found
    await sleep(systemClock, 20)
  }
  throw new Error(`waited in vain for ${what}`)
}

/** A driver of this morning. */
function kettleDriver(done: string[]) {
  const none = async (): Promise<Record<string, never>> => ({})
  return defineDriver({
    name: 'kettle/made-up', says: 'Boils water.', contract: Kettle, options: optionsOf({}),
    create: (_options, { name, clock }) => {
      const component = new Component(name, Kettle, clock, {
        selfTest: async () => ({ passed: true, checks: [] }), tip: none, descale: none, taste: none, refill: none,
        boil: async ({ until: hot, for: what }, _signal, { id }) => {
          done.push(`${id}: ${what}`)
          return { reached: hot }
        },
      })
      return {
        component,
        async start() {
          component.publish('temperature', 21.5)
          component.publish('lid', 'shut')
          component.publish('health', { status: 'ready' })
        },
        async stop() {
          component.publish('health', { status: 'stopped' })
        },
      }
    },
  })
}

void t.test('a part that nobody knew is at every face', async (t) => {
  // The path of a socket is short.
  const folder = mkdtempSync(join(tmpdir(), 'faces-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [state, file, pageDir] = [join(folder, 'state'), join(folder, 'igv.yaml'), join(folder, 'build', 'technician')]
  const authority = newAuthority()
  await provision(state, { journal: randomBytes(32), lists: randomBytes(32), authority: authority.publicPem })
  const accounts = new Accounts(join(state, 'accounts.json'))
  await accounts.put({ person: 'nguyen', role: 'technician', secret: await new SecretHashing(cost).hash(secrets.nguyen), by: 'provision', at: 0 })
  mkdirSync(pageDir, { recursive: true })
  writeFileSync(join(pageDir, 'index.html'), '<!doctype html><title>page</title>')
  writeFileSync(join(pageDir, 'build.json'), '{"build":"0123456789abcdef"}')
  const client = await ClientProcess.start()
  t.teardown(() => client.stop())
  await client.ask('certificate', { folder: join(folder, 'plant'), uri: 'urn:test:plant', from: systemClock.wall() - 86_400_000, days: 30 })
  mkdirSync(join(state, 'opcua', 'trusted', 'certs'), { recursive: true })
  copyFileSync(join(folder, 'plant', 'own', 'certs', 'certificate.pem'), join(state, 'opcua', 'trusted', 'certs', 'plant.pem'))
  const centre = await Centre.start({ site: 'mong-cai/bac-luan-2', device: 'igv-04', authority: authority.privateKey })
  t.teardown(() => centre.stop())
  // Its lidars are switched off: the vehicle stands, and its faces are there all the same.
  const off = { front: { listen: 'udp://127.0.0.1:0' }, rear: { listen: 'udp://127.0.0.1:0' }, bumper: { port: 'tcp://127.0.0.1:1' }, tail: { port: 'tcp://127.0.0.1:1' } }
  writeSiteProfile({
    from: igvProfileFile, to: file, places: off, broker: centre.broker.url,
    changes: [{ path: ['opcua'], value: { host: '127.0.0.1', port: 0, names: ['localhost'] } }, { path: ['technician'], value: { port: 0 } }],
  })
  const loaded = await loadProfile(file)
  const done: string[] = []
  const device = await assemble({ ...loaded, parts: new Map([...loaded.parts, ['kettle', { driver: kettleDriver(done) as never, options: {} }]]) }, {
    state, clock: systemClock, log: silent, book: new LogBook('info', { write: () => undefined }), logLevelFixed: true, version: '1.2.3', env: {}, home: folder, page: folder,
    end: () => undefined,
  })
  t.teardown(() => device.stop())
  await device.start()
  const { model } = device

  await t.test('at the console', async (t) => {
    let told = ''
    const line = connect(socketOf(state))
    line.on('data', (bytes) => (told += bytes.toString('latin1')))
    t.teardown(() => line.destroy())
    const ask = async (text: string, prompt: RegExp): Promise<string> => {
      told = ''
      line.write(text)
      return await until(() => (prompt.test(told) ? told : undefined), `${prompt} at the console, which said ${told}`)
    }
    await ask('\r', /login: $/)
    await ask('nguyen\r', /challenge\): $/)
    const prompt = /igv-04> $/
    t.match(await ask(`${secrets.nguyen}\r`, prompt), 'Welcome, nguyen')
    t.match(await ask('show drivers | grep kettle\r', prompt), /kettle +kettle +ready/)
    t.match(await ask('show kettle\r', prompt), /temperature +21\.5[^]*lid +shut/)
    t.match(await ask('commands | grep kettle\r', prompt), /boil[^]*tip[^]*descale/)
    t.match(await ask('call kettle boil until=90 for=tea\r', prompt), /reached +90/)
    await ask('logout\r', /out/)
  })

  await t.test('over OPC UA', async (t) => {
    const url = await until(() => addressOf(model, 'opcua'), 'the OPC UA server')
    const id = await client.ask('connect', { url, folder: join(folder, 'plant'), user: { name: 'nguyen', password: secrets.nguyen } })
    const [namespaces] = await client.ask('read', { id, nodes: ['i=2255'] })
    const ns = `ns=${((namespaces?.value ?? []) as string[]).indexOf(ownUri)}`
    t.match(await client.ask('typeOf', { id, node: `${ns};s=kettle` }), ['kettle', 'DeviceType'])
    const parts = await client.ask('browse', { id, node: `${ns};s=kettle` })
    t.match(await client.ask('read', { id, nodes: [`${ns};s=kettle.temperature`, parts['DeviceHealth']!] }), [{ status: 'Good', value: 21.5 }, { status: 'Good', value: 0 }])
    const call = await client.ask('call', {
      id, object: parts['MethodSet']!, method: `${ns};s=kettle.boil`,
      args: [{ type: 'Int32', value: [80], list: true }, { type: 'Int32', value: 1 }, { type: 'String', value: [], list: true }],
    })
    t.match(call, { status: 'Good' })
    await client.ask('close', { id })
  })

  await t.test("on the technician's page", async (t) => {
    const browser = new Browser(Number(new URL(await until(() => addressOf(model, 'technician'), 'the page')).port))
    t.equal((await browser.login('nguyen')).status, 200)
    const ear = browser.listen()
    t.teardown(() => ear.socket.close())
    const shown = await until(() => ear.of('device')[0]?.components.find(({ name }) => name === 'kettle'), 'the device')
    t.match(shown, { capability: 'kettle', members: { temperature: { kind: 'property', unit: 'Cel' }, boil: { kind: 'command', role: 'technician' }, whistled: { kind: 'event' } } })
    t.equal(await until(() => ear.value('kettle', 'temperature'), 'its value'), 21.5)
    t.match(JSON.parse((await browser.command('kettle', 'boil', { until: 70, for: 'tea' })).body), { result: { reached: 70 } })
  })

  await t.test('from the centre', async (t) => {
    t.match(await centre.ask({ component: 'kettle', command: 'boil' }, { until: 60, for: 'tea' }, 'technician', patience_ms), { reached: 60 })
  })

  t.strictSame(done, ['nguyen: tea', 'nguyen: coffee', 'nguyen: tea', 'technician-1: tea'], 'each command came once, from whoever gave it')
})

const addressOf = (model: DeviceModel, name: string): string | undefined => model.get(name).reading('address')?.value as string | undefined
