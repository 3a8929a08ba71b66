/** Driver for bar code and QR imagers that send what they read over a serial port. */
import { Type } from '../../../edge/base/schema.ts'
import { CodeReader } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import { defineDriver, linkLimits, optionsOf, portOption } from '../../kit/driver.ts'
import { Session } from '../../kit/session.ts'
import { transportTo } from '../../kit/transport.ts'
import { Repeats } from '../repeats.ts'
import { codeFramer, type ScannedCode } from './codec.ts'

const options = optionsOf({
  port: portOption(),
  baud: Type.Integer({ minimum: 1_200, maximum: 115_200, default: 9_600, description: 'The speed of the serial line.' }),
  end: Type.Enum(['cr-or-lf', 'crlf'], { default: 'cr-or-lf', description: 'What the imager sends after a code; crlf allows single line breaks in the content.' }),
  aim: Type.Boolean({ default: false, description: 'The imager sends an AIM identifier such as ]Q1 before each content.' }),
  hold_ms: Type.Integer({ minimum: 0, maximum: 60_000, default: 2_000, description: 'A code counts as shown again when it was out of sight for so long.' }),
  gap_ms: Type.Integer({ minimum: 20, maximum: 10_000, default: 500, description: 'The longest pause within one content.' }),
  ...linkLimits,
})

export const driver = defineDriver({
  name: 'reader/qr-serial',
  says: 'Bar code and QR imager on a serial port.',
  contract: CodeReader,
  options,
  create(options, context) {
    const { clock, log, name } = context
    const repeats = new Repeats(options.hold_ms)
    const component: Component<typeof CodeReader['members']> = new Component(name, CodeReader, clock, {
      selfTest: async () => {
        void session.connection
        return { passed: true, checks: [{ name: 'link', passed: true, says: 'The port is open.' }] }
      },
    })
    const session = new Session<ScannedCode>({
      component, clock, log, limits: options, gap_ms: options.gap_ms,
      framer: codeFramer(options),
      transport: transportTo(options.port, { baud: options.baud }),
      // Imagers have no common way to tell what they are.
      identify: async () => ({ manufacturer: 'unknown', model: 'code imager' }),
      onFrame: (code) => {
        if (repeats.isNew(code.content, clock.now())) component.raise('read', code)
      },
      onLost: () => repeats.forget(),
    })
    return { component, start: (signal) => session.start(signal), stop: () => session.stop() }
  },
})
