/** Driver for swipe and full-page readers that send the machine-readable zone as lines of text. */
import { DeviceError } from '../../../edge/base/error.ts'
import { ascii } from '../../../edge/base/bytes.ts'
import { Type } from '../../../edge/base/schema.ts'
import { DocumentReader } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import { defineDriver, expectOption, linkLimits, optionsOf, portOption } from '../../kit/driver.ts'
import { type Connection, Session } from '../../kit/session.ts'
import { transportTo } from '../../kit/transport.ts'
import { type Line, lineFramer } from '../lines.ts'
import { lineMax, step, type Swipe, type SwipeInput } from './swipe.ts'

const options = optionsOf({
  port: portOption(),
  baud: Type.Integer({ minimum: 1_200, maximum: 115_200, default: 9_600, description: 'The speed of the serial line.' }),
  characters: Type.Enum(['8N1', '7E1'], { default: '8N1', description: 'Data bits, parity and stop bits of the serial line.' }),
  line_gap_ms: Type.Integer({ minimum: 20, maximum: 5_000, default: 300, description: 'The longest pause within one document; after it the next line begins another one.' }),
  query: Type.Optional(Type.String({ minLength: 1, maxLength: 8, description: 'What asks the reader for its version, such as V; without it the reader is not asked.' })),
  expect: expectOption(),
  ...linkLimits,
})

export const driver = defineDriver({
  name: 'reader/mrz-serial',
  says: 'Reader for machine-readable zones that sends lines of text over a serial port.',
  contract: DocumentReader,
  options,
  create(options, context) {
    const { clock, log, name } = context
    let swipe: Swipe = { state: 'idle' }
    let cancelPause = (): void => undefined

    const feed = (input: SwipeInput): void => {
      const [next, presented] = step(swipe, input)
      swipe = next
      if (presented?.kind === 'read') component.raise('read', { lines: presented.lines })
      if (presented?.kind === 'unreadable') component.raise('unreadable', { reason: presented.reason })
    }
    const onLine = (line: Line): void => {
      cancelPause()
      feed(line)
      if (swipe.state !== 'idle') cancelPause = clock.after(options.line_gap_ms, onPause)
    }
    /** In the middle of a line it is no pause: the session waits for the rest of it. */
    const onPause = (): void => {
      if (framer.pending === 0) feed({ kind: 'pause' })
    }
    const framer = lineFramer({ max: lineMax, end: 'cr-or-lf', framed: true })
    framer.onAbandoned = () => {
      cancelPause()
      feed({ kind: 'cut' })
    }

    const askVersion = (connection: Connection<Line>, query: string): Promise<string> => connection.request(ascii(`${query}\r`), version)

    const component: Component<typeof DocumentReader['members']> = new Component(name, DocumentReader, clock, {
      selfTest: async () => {
        const { connection } = session
        const checks = [{ name: 'link', passed: true, says: 'The port is open.' }]
        if (options.query !== undefined) {
          await askVersion(connection, options.query)
          checks.push({ name: 'version', passed: true, says: 'The reader answers.' })
        }
        return { passed: true, checks }
      },
    })

    const session = new Session<Line>({
      component, framer, clock, log, limits: options, expect: options.expect, gap_ms: options.line_gap_ms,
      transport: transportTo(options.port, {
        baud: options.baud, ...(options.characters === '7E1' ? { dataBits: 7, parity: 'even' } as const : {}),
      }),
      identify: async (connection) => ({
        manufacturer: 'unknown',
        model: options.query === undefined ? 'MRZ reader' : await askVersion(connection, options.query),
      }),
      onFrame: onLine,
      onLost: () => {
        cancelPause()
        feed({ kind: 'pause' })
      },
    })
    return {
      component,
      start: (signal) => session.start(signal),
      stop: async () => {
        await session.stop()
        cancelPause()
      },
    }
  },
})

/** The reader's answer; nothing that could be a line of a document, which is personal. */
function version(line: Line): string | undefined {
  if (line.kind !== 'line') return undefined
  const text = Buffer.from(line.bytes).toString('latin1').trim()
  if (text === '?') throw new DeviceError('PC-READER-QUERY', 'The reader does not know how to tell its version: correct or remove the option query.')
  return /^[ -;=-~]{1,29}$/.test(text) ? text : undefined
}
