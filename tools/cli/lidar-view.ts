/** `portcullis lidar view`: draws what lidars see, of a capture or of a device's profile. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../edge/base/clock.ts'
import { UsageError } from '../../edge/base/error.ts'
import { LidarViewServer } from '../../edge/screen/lidar/server.ts'
import { captureScene } from '../lidar/view-capture.ts'
import { profileScene } from '../lidar/view-profile.ts'
import { numberGiven, speedGiven } from './given.ts'
import { home } from './places.ts'
import type { Terminal } from './terminal.ts'

const bodySays = 'The body is a length and a width in metres, such as 4.6x2.1.'

interface ViewCommand {
  port: string
  host: string
  height: string
  yaw: string
  body: string
  speed: string
  sensor?: string
  metadata?: string
  recorded?: string
}

export const viewCommand = (terminal: Terminal): Command => new Command('view')
  .description('Serves a page that draws what lidars see from above: a capture, or the lidars of a profile live.')
  .argument('<file>', 'a capture, or a profile (.yaml)')
  .option('--port <number>', 'where the page is served; 0 takes any free port', '8090')
  .option('--host <address>', 'the address that it is served on', '127.0.0.1')
  .option('--height <metres>', 'of a capture: how high above the ground its sensor was', '1.7')
  .option('--yaw <degrees>', 'of a capture: how far its sensor was turned to the left', '0')
  .option('--body <metres>', 'of a capture: length and width of the vehicle under its sensor', '0.5x0.5')
  .option('--speed <times>', 'of a capture: 1 as recorded, 0.2 five times slower', '1')
  .option('--sensor <driver>', 'of which sensor a capture is, when its packets do not tell')
  .option('--metadata <file>', 'its metadata or calibration, when no file beside the capture is it')
  .option('--recorded <port>', 'of a capture: only what was recorded at this UDP port')
  .addHelpText('after', '\nExample:\n  portcullis lidar view recording.pcap --height 1.2')
  .action(async (file: string, options: ViewCommand) => {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) throw new UsageError('PC-CLI-FILE', `There is no file ${file}.`)
    const port = numberGiven(options.port, 0, 65_535, 'A port is a number from 0 to 65535.')
    const [length = '', width = ''] = options.body.split('x')
    const scene = /\.ya?ml$/.test(file) ? await profileScene(file) : await captureScene(file, {
      height_m: numberGiven(options.height, 0, 10, 'The height is a number of metres from 0 to 10.'), yaw: numberGiven(options.yaw, -180, 180, 'The yaw is a number of degrees from -180 to 180.'),
      speed: speedGiven(options.speed), length_m: numberGiven(length, 0.01, 50, bodySays), width_m: numberGiven(width, 0.01, 50, bodySays),
      onFault: ({ message, code }) => terminal.err(`portcullis: ${message} (${code}) What comes before is shown.\n`),
      ...(options.sensor === undefined ? {} : { sensor: options.sensor }), ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      ...(options.recorded === undefined ? {} : { port: numberGiven(options.recorded, 1, 65_535, 'A port is a number from 1 to 65535.') }),
    })
    const signal = terminal.signal()
    const server = new LidarViewServer({ scene, clock: systemClock, host: options.host, port, pageDir: join(home, 'build', 'lidar-view') })
    try {
      const address = await server.start()
      await scene.start()
      terminal.out(`The lidar view is at ${address}; Ctrl-C ends it.\n`)
      const ended = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await (scene.failed === undefined ? ended : Promise.race([ended, scene.failed]))
    } finally {
      await scene.stop()
      await server.stop()
    }
  })
