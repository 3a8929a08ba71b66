/** What the tests of the technician's page stand on: a device with a gate, parts, people with accounts, and its server. */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request as ask } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { house, type House, secrets } from '../../access/rig.ts'
import type { PersonRole } from '../../access/contract.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silent } from '../../base/log.ts'
import { Type } from '../../base/schema.ts'
import { sleep } from '../../base/wait.ts'
import { Barrier, Camera } from '../../device/capabilities.ts'
import { Component, type ComponentOf } from '../../device/component.ts'
import { command, contract, event, property } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import { madeUpDrive } from '../../device/rig.ts'
import { Gate, type GateView } from '../../gate/contract.ts'
import type { Fact } from '../../journal/fact.ts'
import { type TechnicianOptions, TechnicianServer } from './server.ts'
import type { Told } from './wire.ts'

/** Nobody has ever heard of it: no line of any face knows it. */
export const Kettle = contract('kettle', 'Boils water for the officers.', {
  temperature: property(Type.Number(), 'How hot the water is.', 'Cel'),
  lid: property(Type.Enum(['open', 'shut']), 'Where the lid is.'),
  whistled: event({ loudness: Type.Integer() }, 'It whistled.', { severity: 'warning' }),
  drunk: event({ by: Type.String() }, 'Somebody drank of it.', { severity: 'info', personal: true }),
  boil: command({ until: Type.Integer({ minimum: 30, maximum: 100, default: 95, description: 'How hot it gets.' }), for: Type.Enum(['tea', 'coffee']), note: Type.Optional(Type.String({ maxLength: 20 })) }, 'Boils water.', {
    role: 'technician', result: Type.Object({ reached: Type.Integer() }),
  }),
  tip: command({}, 'Pours it out.', { role: 'technician', moves: true }),
  descale: command({}, 'Cleans it with acid.', { role: 'engineer' }),
  taste: command({ tongue: Type.String() }, 'Tastes it.', { role: 'viewer', personal: true }),
  refill: command({}, 'Fills it.', { role: 'controller' }),
})

export interface Rig {
  house: House
  server: TechnicianServer
  port: number
  kettle: ComponentOf<typeof Kettle>
  camera: ComponentOf<typeof Camera>
  barrier: ComponentOf<typeof Barrier>
  gate: ComponentOf<typeof Gate>
  /** What was asked of the parts. */
  done: string[]
  facts: Fact[]
  outbox: string
  setPhase(phase: GateView['phase']): void
  count(name: string): number
}

const fine = async (): Promise<{ passed: boolean; checks: [] }> => ({ passed: true, checks: [] })
const none = async (): Promise<Record<string, never>> => ({})

export function addParts({ model, clock }: { model: DeviceModel; clock: Clock }, done: string[]): Pick<Rig, 'kettle' | 'camera' | 'barrier' | 'gate'> {
  const kettle = new Component('kettle', Kettle, clock, {
    selfTest: async () => ({ passed: false, checks: [{ name: 'element', passed: false, value: 12.5, unit: 'Ohm', says: 'The element is worn.' }] }),
    taste: none, descale: none, refill: none,
    boil: async ({ until, for: what, note }) => {
      done.push(`boil ${until} for ${what}${note === undefined ? '' : `: ${note}`}`)
      return { reached: until }
    },
    tip: async () => {
      done.push('tip')
      return {}
    },
  })
  const camera = new Component('camera', Camera, clock, { selfTest: fine })
  const barrier: ComponentOf<typeof Barrier> = new Component('barrier', Barrier, clock, {
    selfTest: fine, free: none,
    open: async ({ for_ms }) => {
      done.push(`open ${for_ms}`)
      barrier.publish('state', 'open')
      return {}
    },
    close: async () => {
      done.push('close')
      barrier.publish('state', 'closed')
      return {}
    },
  })
  const gate = new Component('gate', Gate, clock, { selfTest: fine, decide: none, service: none })
  for (const component of [kettle, camera, barrier, gate, madeUpDrive(clock, done)] as unknown as Component[]) {
    model.add(component)
    component.publish('health', { status: 'ready' })
  }
  kettle.publish('temperature', 21.5)
  kettle.publish('lid', 'shut')
  barrier.publish('state', 'closed')
  return { kettle, camera, barrier, gate }
}

export function setGate(gate: ComponentOf<typeof Gate>, phase: GateView['phase']): void {
  gate.publish('inService', phase !== 'out-of-service')
  gate.publish('view', { passage: 1, phase, instruction: 'use-other-gate', steps: [], attempt: 1 })
}

export const factsOf = (bodies: readonly { kind: string; body: object; wall?: number; personal?: boolean }[]): Fact[] => bodies.map(({ kind, body, wall = 1_000, personal }, at) => ({
  device: 'x', epoch: 1, seq: at + 1, wall: wall + at, mono_ms: at, kind, class: 'fault', body: body as Fact['body'], prev: '', hash: '', ...(personal === true ? { personal: { day: '2026-01-01', sealed: 'SEALED' } } : {}),
}))

export const sourceOf = (facts: readonly Fact[]) => ({
  after: (seq: number, most: number) => facts.filter((fact) => fact.seq > seq).slice(0, most),
  get last() {
    return facts.at(-1)?.seq ?? 0
  },
  onAppend: () => () => undefined, cursor: () => 0, setCursor: () => undefined,
})

export async function rig(t: Test, options: Partial<TechnicianOptions> & { people?: Record<string, PersonRole> } = {}): Promise<Rig> {
  const { people, ...given } = options
  const made = await house(t, people)
  const access = await made.open()
  const [pageDir, outbox] = [join(made.folder, 'page'), join(made.folder, 'outbox')]
  await Promise.all([mkdir(pageDir), mkdir(outbox)])
  await Promise.all([writeFile(join(pageDir, 'index.html'), '<!doctype html><title>page</title>'), writeFile(join(pageDir, 'build.json'), '{"build":"0123456789abcdef"}')])
  const done: string[] = []
  const parts = addParts(made, done)
  const facts: Fact[] = []
  const server = new TechnicianServer({
    model: made.model, gatekeeper: access, journal: sourceOf(facts), clock: made.clock, log: silent, device: 'site/bl1-e07', port: 0, pageDir, outbox, ...given,
  })
  made.model.add(server.component)
  await server.start()
  t.teardown(async () => {
    await server.stop()
    await access.stop()
  })
  const setPhase = (phase: GateView['phase']): void => setGate(parts.gate, phase)
  const count = (name: string): number => {
    made.clock.advance(1_000)
    return server.component.read('counters')?.[name] ?? 0
  }
  return { house: made, server, port: Number(new URL(server.address ?? '').port), ...parts, done, facts, outbox, setPhase, count }
}

/** Waits, generously, for something that other processes' sockets decide. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 12_000; tries++) {
    if (holds()) return
    await sleep(systemClock, 5)
  }
  throw new Error(`It never came to be that ${what}.`)
}

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: string
}

/** A browser, as far as the server can tell. */
export class Browser {
  readonly port: number
  readonly headers: Record<string, string> = {}
  cookie = ''

  constructor(port: number) {
    this.port = port
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.#ask('GET', path, headers)
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return await this.#ask('POST', path, { 'content-type': 'application/json', ...headers }, text)
  }

  async login(person: keyof typeof secrets, secret = secrets[person]): Promise<Answer> {
    const answer = await this.post('/login', { person, secret })
    this.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? this.cookie
    return answer
  }

  async command(component: string, command: string, args: object = {}, confirmed?: boolean): Promise<Answer> {
    return await this.post('/command', { component, command, args, ...(confirmed === undefined ? {} : { confirmed }) })
  }

  listen(path = '/live', headers: Record<string, string> = {}): Listener {
    return new Listener(this.port, path, { ...(this.cookie === '' ? {} : { cookie: this.cookie }), ...headers })
  }

  async #ask(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
    const asked = ask({ host: '127.0.0.1', port: this.port, path, method, headers: { ...(this.cookie === '' ? {} : { cookie: this.cookie }), ...headers } })
    asked.end(body)
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const chunks = (await response.toArray()) as Buffer[]
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('latin1') }
  }
}

export class Listener {
  readonly heard: Told[] = []
  readonly socket: WebSocket
  closed: { code: number; reason: string } | undefined
  refused: string | undefined

  constructor(port: number, path: string, headers: Record<string, string>) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
    this.socket.on('message', (data) => this.heard.push(JSON.parse((data as Buffer).toString()) as Told))
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }))
    this.socket.on('error', (error) => (this.refused = error.message))
  }

  of<K extends Told['kind']>(kind: K): Extract<Told, { kind: K }>[] {
    return this.heard.filter((told): told is Extract<Told, { kind: K }> => told.kind === kind)
  }

  /** The newest value that was heard. */
  value(component: string, property: string): unknown {
    return this.of('values').map(({ values }) => values[component]?.[property]).findLast((found) => found !== undefined)?.[0]
  }

  say(said: unknown): void {
    this.socket.send(typeof said === 'string' ? said : JSON.stringify(said))
  }
}
