/**
 * The OPC UA server of the e-Gate as it ships, with a real client in another process: how fast values
 * are read, and what fifty clients cost.
 */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Accounts } from '../../edge/access/accounts.ts'
import { SecretHashing } from '../../edge/access/secret.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep, within } from '../../edge/base/wait.ts'
import { ClientProcess } from '../../edge/opcua/client-rig.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from '../site/egate-site.ts'
import type { Figure } from './figure.ts'

const program = join(root, 'build', 'portcullis', 'start.js')
const sessions = 50
/** What each of them watches, as a control room does: the health of every part. */
const watched = 20
const batch = 100
const read_ms = 8_000
const settle_ms = 10_000
const start_ms = 120_000
const user = { name: 'bench', password: 'a secret of this bench' }

/** Above the program without OPC UA: `.growth`; what the clients themselves add to that: `.sessions`. */
export async function benchOpcua(): Promise<Figure[]> {
  const without = await withSite([], async (site) => {
    await site.start()
    await sleep(systemClock, settle_ms)
    return residentMemory(site)
  })
  const section = { host: '127.0.0.1', port: 0, names: ['localhost'], limits: { sessions: sessions + 10 } }
  return await withSite([{ path: ['opcua'], value: section }], async (site) => {
    const client = await ClientProcess.start()
    try {
      return await measure(site, client, without)
    } finally {
      await client.stop()
    }
  })
}

async function measure(site: EgateSite, client: ClientProcess, without: number): Promise<Figure[]> {
  const folder = join(root, 'build', 'bench', 'opcua-client')
  await client.ask('certificate', { folder, uri: 'urn:bench', from: systemClock.wall() - 86_400_000, days: 2 })
  await prepare(site.state, join(folder, 'own', 'certs', 'certificate.pem'))
  const address = addressOf(site)
  await site.start()
  const url = await address
  await sleep(systemClock, settle_ms)
  const alone = residentMemory(site)
  const first = await client.ask('connect', { url, folder, user })
  const devices = Object.values(await client.ask('browse', { id: first, node: `ns=${await ownIndex(client, first)};s=machine.Components` })).filter((node) => node.includes(';s='))
  const healths = devices.map((node) => `${node}.health.status`)
  const nodes = Array.from({ length: batch }, (_, at) => healths[at % healths.length] ?? 'i=2258')
  const single = await client.ask('rate', { id: first, nodes: nodes.slice(0, 1), for_ms: read_ms })
  const batched = await client.ask('rate', { id: first, nodes, for_ms: read_ms })
  for (let session = 0; session < sessions; session++) {
    const id = session === 0 ? first : await client.ask('connect', { url, folder, user })
    await client.ask('subscribe', { id, period_ms: 1_000 })
    for (const node of nodes.slice(0, watched)) await client.ask('watch', { id, node })
    if (process.stderr.isTTY) process.stderr.write(`\ropcua: ${session + 1} of ${sessions} clients`)
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  await sleep(systemClock, settle_ms)
  const full = residentMemory(site)
  return [
    { name: 'opcua.read', value: single, unit: 'per_s' }, { name: 'opcua.read.batched', value: batched, unit: 'per_s' },
    { name: 'opcua.rss', value: full, unit: 'MB' }, { name: 'opcua.rss.growth', value: full - without, unit: 'MB' }, { name: 'opcua.rss.sessions', value: full - alone, unit: 'MB' },
  ]
}

async function withSite<T>(changes: readonly { path: readonly string[]; value: unknown }[], work: (site: EgateSite) => Promise<T>): Promise<T> {
  const site = await EgateSite.make({ folder: join(root, 'build', 'bench'), travellers: 4, program, changes })
  try {
    return await work(site)
  } finally {
    await site.stop()
  }
}

/** An account, and the client's certificate where the server trusts it. */
async function prepare(state: string, certificate: string): Promise<void> {
  await new Accounts(join(state, 'accounts.json')).put({ person: user.name, role: 'viewer', secret: await new SecretHashing().hash(user.password), by: 'bench', at: 0 })
  const trusted = join(state, 'opcua', 'trusted', 'certs')
  mkdirSync(trusted, { recursive: true })
  copyFileSync(certificate, join(trusted, 'bench.pem'))
}

function addressOf(site: EgateSite): Promise<string> {
  return within({ clock: systemClock, limit_ms: start_ms, code: 'PC-SITE-RUNTIME', message: 'The OPC UA server was not there in time.' }, () => new Promise((resolve) => {
    site.runtime.onLine.add(({ component, address }) => {
      if (component === 'opcua' && typeof address === 'string') resolve(address)
    })
  }))
}

/** Which number the namespace of the device model has here. */
async function ownIndex(client: ClientProcess, id: number): Promise<number> {
  const [namespaces] = await client.ask('read', { id, nodes: ['i=2255'] })
  const names = namespaces?.value
  return Array.isArray(names) ? names.indexOf('urn:portcullis:device') : -1
}

function residentMemory(site: EgateSite): number {
  const kB = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${site.runtime.pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kB) / 102.4) / 10
}
