/** Driver for optical fingerprint modules of the R30x family (R305, R307, ZFM-20, AS608). */
import { ConfigError, InputError } from '../../../edge/base/error.ts'
import { Type } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { FingerprintScanner } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import type { Identity, SelfTestReport } from '../../../edge/device/contract.ts'
import { defineDriver, expectOption, linkLimits, optionsOf, portOption, secretReference } from '../../kit/driver.ts'
import { Session } from '../../kit/session.ts'
import { transportTo } from '../../kit/transport.ts'
import { factoryAddress, type Packet, packetFramer, type Parameters } from './codec.ts'
import { FingerModule } from './module.ts'
import { enrol, image, type Scan, Turns, verify } from './scan.ts'

const range = (minimum: number, maximum: number, usual: number, description: string) =>
  Type.Integer({ minimum, maximum, default: usual, description })

const options = optionsOf({
  port: portOption(),
  baud: range(9_600, 115_200, 57_600, 'The speed of the serial line.'),
  address: range(0, factoryAddress, factoryAddress, 'The address of the module.'),
  password: Type.Optional(secretReference()),
  template_bytes: range(256, 2_048, 512, 'Length of the module\'s templates: 512 for R305, R307 and ZFM-20, 768 for some AS608, 1536 for R503.'),
  poll_ms: range(0, 1_000, 50, 'The pause between two looks at the platen while a finger is awaited.'),
  poor_tries: range(1, 10, 3, 'So many poor pictures of a finger are taken before giving up.'),
  watch_ms: range(20, 60_000, 4_000, 'How often the idle module is asked whether it is still there.'),
  transfer_ms: range(100, 30_000, 15_000, 'How long handing out a picture or a template may take.'),
  expect: expectOption(),
  ...linkLimits,
  reply_ms: range(10, 60_000, 1_500, 'How long the module may take to answer; taking a picture and extracting it are the slowest.'),
})

/** How many commands may wait while a finger is being taken. */
const waitingMax = 4

export const driver = defineDriver({
  name: 'fingerprint/r30x',
  says: 'Optical fingerprint module R305, R307, ZFM-20 or AS608 on a serial port.',
  contract: FingerprintScanner,
  options,
  create(options, context) {
    const { clock, log, name } = context
    const turns = new Turns(name, waitingMax)
    let module: FingerModule | undefined

    const component: Component<typeof FingerprintScanner['members']> = new Component(name, FingerprintScanner, clock, {
      verify: ({ template, limit_ms }, signal) => {
        const bytes = templateBytes(template, options.template_bytes)
        return scanning(limit_ms, signal, (scan) => verify(scan, bytes))
      },
      enrol: ({ slot, limit_ms }, signal) => scanning(limit_ms, signal, async (scan) => {
        const capacity = component.read('capacity') ?? 0
        if (slot !== undefined && slot >= capacity) throw new InputError('PC-FINGER-SLOT', `The fingerprint module ${name} has slots 0 to ${capacity - 1}.`, { component: name })
        const enrolled = await enrol(scan)
        if (enrolled.outcome !== 'enrolled') return enrolled
        if (slot !== undefined) {
          await scan.module.store(1, slot)
          component.publish('stored', await scan.module.countTemplates())
        }
        return { outcome: 'enrolled', template: Buffer.from(enrolled.template).toString('base64') }
      }),
      image: ({ limit_ms }, signal) => scanning(limit_ms, signal, async (scan) => {
        const taken = await image(scan)
        return { ...taken, grey: Buffer.from(taken.grey).toString('base64') }
      }),
      selfTest: (_, signal) => scanning(0, signal, selfTest),
    })

    /** @throws DeviceError (PC-LINK-DOWN) at once when the module is not there. */
    const scanning = async <T>(limit_ms: number, signal: AbortSignal, work: (scan: Scan) => Promise<T>): Promise<T> => {
      void session.connection
      return await turns.take(() => {
        void session.connection
        return work({ module: module as FingerModule, component: name, clock, signal, limit_ms, poll_ms: options.poll_ms, poor_tries: options.poor_tries })
      })
    }

    const session = new Session<Packet>({
      component, clock, log, limits: options, expect: options.expect, gap_ms: 200,
      transport: transportTo(options.port, { baud: options.baud }),
      framer: packetFramer(),
      async identify(connection) {
        const found = new FingerModule(connection, {
          component: name, address: options.address, retries: options.retries,
          transfer_ms: options.transfer_ms, template_bytes: options.template_bytes,
          onRetry: () => session.counters.add('retries'),
        })
        await found.verifyPassword(options.password === undefined ? 0 : passwordOf(await context.secret(options.password), name))
        const parameters = await found.readParameters()
        component.publish('capacity', parameters.capacity)
        component.publish('stored', await found.countTemplates())
        module = found
        return identityOf(parameters)
      },
      async serve(_, signal) {
        while (!signal.aborted) {
          await sleep(clock, options.watch_ms, signal).catch(() => undefined)
          if (signal.aborted || !turns.idle) continue
          await turns.take(async () => component.publish('stored', await (module as FingerModule).countTemplates()))
        }
      },
    })
    return { component, start: (signal) => session.start(signal), stop: () => session.stop() }
  },
})

/** @throws InputError (PC-FINGER-TEMPLATE) when it is not base64 or of another length. */
function templateBytes(template: string, length: number): Uint8Array {
  const bytes = Buffer.from(template, 'base64')
  if (bytes.toString('base64') !== template) throw new InputError('PC-FINGER-TEMPLATE', 'The fingerprint template is not base64.')
  if (bytes.length !== length) throw new InputError('PC-FINGER-TEMPLATE', `The fingerprint template has ${bytes.length} bytes where this module's have ${length}.`)
  return bytes
}

/** Four bytes, or eight hexadecimal digits. @throws ConfigError (PC-FINGER-PASSWORD-FORM). */
function passwordOf(secret: Uint8Array, component: string): number {
  const bytes = Buffer.from(secret)
  const text = bytes.toString('latin1').trim()
  if (/^[0-9a-f]{8}$/i.test(text)) return Number.parseInt(text, 16)
  if (bytes.length === 4) return bytes.readUInt32BE()
  throw new ConfigError('PC-FINGER-PASSWORD-FORM', `The password of ${component} must be four bytes or eight hexadecimal digits.`, { component })
}

/** The modules tell only what kind of sensor they have; 9 is what the R30x manuals give. */
function identityOf({ system }: Parameters): Identity {
  return { manufacturer: 'R30x family', model: system === 9 ? 'R30x' : `sensor ${system.toString(16).padStart(4, '0')}` }
}

/** Nothing needs to lie on the platen; that something does is no fault. */
async function selfTest({ module, clock }: Scan): Promise<SelfTestReport> {
  const checks: SelfTestReport['checks'] = []
  const { capacity, packet_bytes } = await module.readParameters()
  checks.push({ name: 'parameters', passed: capacity > 0, value: packet_bytes, unit: 'By', says: 'It says what it is and how it sends.' })
  const stored = await module.countTemplates()
  checks.push({ name: 'library', passed: stored <= capacity, value: stored, unit: '1', says: `It holds ${stored} of ${capacity} templates.` })
  const before = clock.now()
  const image = await module.getImage()
  checks.push({ name: 'sensor', passed: image !== 'failed', value: Math.round(clock.now() - before), unit: 'ms', says: image === 'failed' ? 'The sensor takes no picture.' : 'The sensor takes a picture.' })
  return { passed: checks.every((check) => check.passed), checks }
}
