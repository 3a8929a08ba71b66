/** An emulated PLC with an OPC UA server of its own: the same stack and wire as a real one, in this process. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Opcua from 'node-opcua'
import type { NodeIdLike, OPCUACertificateManager, OPCUAServer, ServerSession, UAObject, UAVariable } from 'node-opcua'
import { type Faults, noFaults, type Twin } from '../../kit/twin.ts'
import { type Inputs, numberOf, Plc, type PlcOptions } from './plc.ts'
import { Wire } from './wire.ts'

type Library = typeof Opcua

const uri = 'urn:portcullis:twin:plc'
const id = (name: string): string => `nsu=${uri};s=${name}`
/** Whoever may log in at the PLC. */
const user = { name: 'gate', password: 'a lane, a gate' }

/** What a PLC does wrong, beside what its cable does. */
export interface PlcFaults extends Faults {
  /** What its variables say of their own value. */
  quality: 'good' | 'uncertain' | 'bad'
  /** The time stamps of its values stand still. */
  clockStopped: boolean
}

export interface TwinOptions extends PlcOptions {
  /** How its program is commanded; one that is called takes a level as the other side's sign of life, else a number. */
  by?: 'variables' | 'methods'
  security?: 'none' | 'certificates'
}

interface Pair {
  certificate: Buffer
  pem: { certificate: string; key: string }
}

/** Making keys is slow: those of one process are made once. */
const pairs = new Map<string, Promise<Pair>>()

export class OpcuaBarrierTwin implements Twin {
  readonly faults: PlcFaults = { ...noFaults(), quality: 'good', clockStopped: false }
  readonly world: Plc
  readonly #options: TwinOptions
  readonly #wire = new Wire(this.faults)
  #library: Library | undefined
  #server: OPCUAServer | undefined
  #folder: string | undefined
  #identity = 'plc'
  #stamp = new Date()
  #shown = -1
  #variables: { beat: UAVariable; state: UAVariable; mode: UAVariable; passed: UAVariable; fault: UAVariable } | undefined

  constructor(options: TwinOptions = {}) {
    this.#options = options
    this.world = new Plc(options, () => this.#show())
    if (this.#isCalled) this.world.inputs.beat = false
  }

  async start(): Promise<Record<string, unknown>> {
    this.#library = await import('node-opcua')
    this.#folder = mkdtempSync(join(tmpdir(), 'portcullis-plc-'))
    await this.#serve()
    await this.#wire.plug()
    this.world.start()
    return { endpoint: `opc.tcp://127.0.0.1:${this.#wire.port}`, security: await this.#security(), ...this.#nodes() }
  }

  async stop(): Promise<void> {
    this.world.stop()
    await this.unplug()
    await this.#server?.shutdown(0)
    this.#server = undefined
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  unplug(): Promise<void> {
    return this.#wire.unplug()
  }

  plug(): Promise<void> {
    return this.#wire.plug()
  }

  /** Ends all sessions of the server, as an engineer's tool can. */
  killSessions(): void {
    for (const session of this.#sessions) this.#server?.engine.closeSession(session.authenticationToken, true, 'Terminated')
  }

  /** The next notification of each subscription goes missing: its number is given to none. */
  loseNotification(): void {
    for (const { publishEngine } of this.#sessions) for (const subscription of publishEngine.subscriptions) void subscription.nextSequenceNumber
  }

  /** Another PLC comes in its place, or the same one with a new certificate. */
  async exchange(identity: string): Promise<void> {
    await this.unplug()
    this.#variables = undefined
    await this.#server?.shutdown(0)
    this.#identity = identity
    await this.#serve()
    await this.plug()
  }

  async powerFail(): Promise<void> {
    this.world.powerFail()
    await this.unplug()
  }

  async powerReturn(): Promise<void> {
    this.world.start()
    await this.plug()
  }

  get #sessions(): readonly ServerSession[] {
    return this.#server?.engine.getSessions?.() ?? []
  }

  get #isOpen(): boolean {
    return this.#options.security === 'none'
  }

  get #isCalled(): boolean {
    return this.#options.by === 'methods'
  }

  async #serve(): Promise<void> {
    const opcua = this.#library as Library
    const own = await pairOf(this.#identity)
    const clients = new opcua.InMemoryCertificateStore({ autoAcceptUnknown: false })
    await clients.trustCertificate((await pairOf('gate')).certificate)
    const server = new opcua.OPCUAServer({
      port: 0, host: '127.0.0.1', hostname: '127.0.0.1', nodeset_filename: [opcua.get_mini_nodeset_filename()],
      certificateFile: this.#put(`${this.#identity}.pem`, own.pem.certificate), privateKeyFile: this.#put(`${this.#identity}.key`, own.pem.key),
      // The library takes any store here; its types have only the one on disk.
      serverCertificateManager: clients as unknown as OPCUACertificateManager,
      securityModes: [this.#isOpen ? opcua.MessageSecurityMode.None : opcua.MessageSecurityMode.SignAndEncrypt],
      securityPolicies: [this.#isOpen ? opcua.SecurityPolicy.None : opcua.SecurityPolicy.Basic256Sha256],
      allowAnonymous: this.#isOpen, serverInfo: { applicationUri: `urn:portcullis:twin:${this.#identity}` },
      userManager: { isValidUser: (name: string, password: string) => name === user.name && password === user.password },
      buildInfo: { productName: 'Twin PLC', manufacturerName: 'Portcullis', softwareVersion: '1.0' },
      serverCapabilities: { maxSessions: 4 },
    })
    await server.initialize()
    this.#furnish(server)
    await server.start()
    this.#wire.target = Number(new URL(server.getEndpointUrl().replace('opc.tcp:', 'http:')).port)
    this.#server = server
  }

  #furnish(server: OPCUAServer): void {
    const { DataType, Variant, StatusCodes } = this.#library as Library
    const space = server.engine.addressSpace
    if (space === null) throw new Error('the server has no address space')
    const own = space.registerNamespace(uri)
    const door = own.addObject({ browseName: 'Door', nodeId: 's=Door', organizedBy: space.rootFolder.objects })
    const shows = (name: string, dataType: 'Int32' | 'UInt32' | 'UInt16'): UAVariable =>
      own.addVariable({ componentOf: door, browseName: name, nodeId: `s=${name}` as NodeIdLike, dataType, value: { dataType: DataType[dataType], value: 0 }, minimumSamplingInterval: 10 })
    const takes = (name: string, input: keyof Inputs, dataType: 'Boolean' | 'UInt32' | 'UInt16'): void => {
      const { inputs } = this.world
      own.addVariable({
        componentOf: door, browseName: name, nodeId: `s=${name}`, dataType, minimumSamplingInterval: 10,
        value: {
          get: () => new Variant({ dataType: DataType[dataType], value: inputs[input] }),
          set: ({ value }: { value: unknown }) => {
            Object.assign(inputs, { [input]: value })
            return StatusCodes.Good
          },
        },
      })
    }
    this.#variables = { state: shows('State', 'Int32'), mode: shows('Mode', 'Int32'), passed: shows('Passed', 'UInt32'), fault: shows('Fault', 'UInt16'), beat: shows('Alive', 'UInt32') }
    takes('Open', 'open', 'Boolean')
    takes('OpenFor', 'open_ms', 'UInt32')
    takes('Close', 'close', 'Boolean')
    takes('Free', 'free', 'Boolean')
    takes('Host', 'beat', this.#isCalled ? 'Boolean' : 'UInt16')
    this.#addMethods(door)
  }

  #addMethods(door: UAObject): void {
    const { DataType, StatusCodes } = this.#library as Library
    const method = (name: string, does: (first: unknown) => void, inputArguments: { name: string; dataType: number }[] = []): void => {
      door.namespace.addMethod(door, { browseName: name, nodeId: `s=Door.${name}`, inputArguments }).bindMethod((given, _context, callback) => {
        does(given[0]?.value)
        callback(null, { statusCode: StatusCodes.Good })
      })
    }
    const { inputs } = this.world
    method('Open', (for_ms) => Object.assign(inputs, { open: true, open_ms: for_ms }), [{ name: 'for_ms', dataType: DataType.UInt32 }])
    method('Close', () => Object.assign(inputs, { close: true }))
    method('Free', () => Object.assign(inputs, { free: true }))
    method('Normal', () => Object.assign(inputs, { free: false }))
  }

  /** What the program says after a cycle. */
  #show(): void {
    const shown = this.#variables
    if (shown === undefined) return
    const { world, faults } = this
    const { DataType, StatusCodes } = this.#library as Library
    const status = { good: StatusCodes.Good, uncertain: StatusCodes.UncertainLastUsableValue, bad: StatusCodes.BadDeviceFailure }[faults.quality]
    if (!faults.clockStopped && !world.halted) this.#stamp = new Date()
    const say = (variable: UAVariable, dataType: number, value: number): void => variable.setValueFromSource({ dataType, value }, status, this.#stamp)
    const state = numberOf.position(world.position)
    // A program that writes nonsense into its variable for one cycle, before what is meant.
    const isNonsense = faults.garbage !== undefined && this.#shown !== state
    say(shown.state, DataType.Int32, isNonsense ? 1_000 + (faults.garbage?.[0] ?? 0) : state)
    this.#shown = state
    say(shown.mode, DataType.Int32, numberOf.mode(world.mode))
    say(shown.passed, DataType.UInt32, world.passed)
    say(shown.fault, DataType.UInt16, world.fault)
    shown.beat.setValueFromSource({ dataType: DataType.UInt32, value: world.beat }, StatusCodes.Good, this.#stamp)
  }

  async #security(): Promise<unknown> {
    if (this.#isOpen) return 'none'
    const { pem } = await pairOf('gate')
    const secret = (name: string, text: string): string => `file:${this.#put(name, text)}`
    return {
      certificate: secret('gate.pem', pem.certificate), key: secret('gate.key', pem.key), server: secret('trusted.pem', (await pairOf('plc')).pem.certificate),
      user: { name: secret('name', user.name), password: secret('password', user.password) },
    }
  }

  #put(name: string, text: string): string {
    const path = join(this.#folder ?? tmpdir(), name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  #nodes(): Record<string, unknown> {
    const call = (method: string) => ({ object: id('Door'), method: id(`Door.${method}`) })
    const write = (name: string, value: boolean) => ({ node: id(name), value })
    return {
      state: { node: id('State'), closed: [0], opening: [1], open: [2], closing: [3], blocked: [4] },
      mode: { node: id('Mode'), normal: [0], locked: [1], free: [2] },
      passed: id('Passed'), fault: { node: id('Fault'), none: [0] }, beat: { ours: id('Host'), theirs: id('Alive') },
      commands: this.#isCalled
        ? { open: { ...call('Open'), takes: 'for_ms' }, close: call('Close'), free: call('Free'), normal: call('Normal') }
        : { open: { ...write('Open', true), pulse: { rest: false, for_ms: 20 } }, close: write('Close', true), free: write('Free', true), normal: write('Free', false) },
      ...(this.#isCalled ? {} : { open_ms: id('OpenFor') }),
    }
  }
}

function pairOf(name: string): Promise<Pair> {
  const known = pairs.get(name)
  if (known !== undefined) return known
  const made = makePair(name)
  pairs.set(name, made)
  return made
}

async function makePair(name: string): Promise<Pair> {
  const { InMemoryCertificateKeyPairProvider } = await import('node-opcua')
  const provider = new InMemoryCertificateKeyPairProvider()
  await provider.ensureCertificateExists({ subject: `CN=${name}`, applicationUri: `urn:portcullis:twin:${name}`, dns: ['localhost', hostname()], ip: ['127.0.0.1'] })
  const certificate = provider.getCertificate()
  const key = (provider.getPrivateKey() as { hidden: string }).hidden
  return { certificate, pem: { certificate: new X509Certificate(certificate).toString(), key } }
}
