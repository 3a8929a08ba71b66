/** `portcullis lidar`: recordings of lidars, and the lidars of a device. */
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { systemClock } from '../../edge/base/clock.ts'
import { CancelledError, ConfigError, UsageError } from '../../edge/base/error.ts'
import { type Datagram, datagrams } from '../../drivers/lidar/capture/pcap.ts'
import { replay, udpTarget } from '../../drivers/lidar/capture/replay.ts'
import { loadProfile } from '../../profiles/load.ts'
import { captureStats, statsTable } from '../lidar/capture-stats.ts'
import { checkLidars, checkTable } from '../lidar/check-lidars.ts'
import { openCapture } from '../lidar/recognise.ts'
import { numberGiven, speedGiven } from './given.ts'
import { viewCommand } from './lidar-view.ts'
import { processTerminal, type Terminal } from './terminal.ts'

export function command(): Command {
  return lidarCommand(processTerminal)
}

export function lidarCommand(terminal: Terminal): Command {
  return new Command('lidar')
    .description('Plays, measures, checks and draws what lidars send.')
    .addCommand(replayCommand(terminal))
    .addCommand(statsCommand(terminal))
    .addCommand(checkCommand(terminal))
    .addCommand(viewCommand(terminal))
    .addHelpText('after', '\nExample:\n  portcullis lidar stats recording.pcap')
}

interface ReplayCommand {
  to: string
  speed: number
  port?: number
  loop?: boolean
  json?: boolean
}

const replayCommand = (terminal: Terminal): Command => new Command('replay')
  .description('Sends the datagrams of a capture again, as the sensor did.')
  .argument('<capture>', 'pcap or pcapng')
  .option('--to <address>', 'udp://host:port; without the port, each datagram goes to the port at which it was recorded', 'udp://127.0.0.1')
  .option('--speed <times>', '1 as recorded, 2 twice as fast, max as fast as possible', speedGiven, 1)
  .option('--port <number>', 'only what was recorded at this UDP port', portOf)
  .option('--loop', 'again and again until Ctrl-C')
  .option('--json', 'print JSON')
  .addHelpText('after', '\nExample:\n  portcullis lidar replay recording.pcap --to udp://127.0.0.1:2368')
  .action(async (file: string, options: ReplayCommand) => {
    there(file)
    const signal = terminal.signal()
    const target = await udpTarget(options.to)
    const began = systemClock.now()
    const sent = { datagrams: 0, bytes: 0 }
    const send = async (datagram: Datagram): Promise<void> => {
      await target.send(datagram)
      sent.datagrams++
      sent.bytes += datagram.payload.length
    }
    const show = (): void => progress(terminal, `${sent.datagrams} datagrams, ${sent.bytes} bytes`)
    try {
      do {
        await replay(only(datagrams(file), options.port), send, { clock: systemClock, speed: options.speed, signal, onProgress: show })
        if (sent.datagrams === 0) throw new ConfigError('PC-CAPTURE-SENSOR', `The capture ${file} holds no datagram${options.port === undefined ? '' : ` for port ${options.port}`}.`)
      } while (options.loop === true && !signal.aborted)
    } catch (error) {
      // Ctrl-C is how one leaves a loop, not a fault.
      if (!(error instanceof CancelledError)) throw error
    } finally {
      target.close()
      progress(terminal, '')
    }
    const took_s = Number(((systemClock.now() - began) / 1000).toFixed(3))
    terminal.out(options.json === true
      ? `${JSON.stringify({ to: options.to, ...sent, took_s })}\n`
      : `${sent.datagrams} datagrams, ${sent.bytes} bytes sent to ${options.to} in ${took_s} s\n`)
  })

interface StatsCommand {
  sensor?: string
  metadata?: string
  port?: number
  json?: boolean
}

const statsCommand = (terminal: Terminal): Command => new Command('stats')
  .description('Says of which sensor a capture is and what it holds.')
  .argument('<capture>', 'pcap or pcapng; the JSON of a TiM\'s TCP connection; the bytes of an RPLIDAR as text')
  .option('--sensor <driver>', 'of which sensor it is, when its packets do not tell')
  .option('--metadata <file>', 'the sensor\'s metadata or calibration, when no file beside the capture is it')
  .option('--port <number>', 'only what was recorded at this UDP port; of several lidars at one port the busiest is taken', portOf)
  .option('--json', 'print JSON')
  .addHelpText('after', '\nExample:\n  portcullis lidar stats recording.pcap --metadata sensor.json')
  .action(async (file: string, options: StatsCommand) => {
    const capture = await openCapture(file, options)
    const signal = terminal.signal()
    const stats = await captureStats(capture, { signal, onProgress: (share) => progress(terminal, `${Math.floor(share * 100)} %`) })
    progress(terminal, '')
    terminal.out(options.json === true ? `${JSON.stringify(stats)}\n` : statsTable(stats))
    if (stats.fault !== undefined || signal.aborted) terminal.exitCode(1)
  })

interface CheckCommand {
  wait: number
  state: string
  json?: boolean
}

const checkCommand = (terminal: Terminal): Command => new Command('check')
  .description('Starts the lidars of a profile alone and tests each; the device itself must not run meanwhile.')
  .argument('<profile>')
  .argument('[part]', 'only this part')
  .option('--wait <seconds>', 'how long a lidar may take until it is usable', secondsOf, 20)
  .option('-s, --state <folder>', 'where the device keeps its credentials', process.env['STATE_DIRECTORY'] ?? '/var/lib/portcullis')
  .option('--json', 'one JSON object a line for each lidar')
  .addHelpText('after', '\nExample:\n  portcullis lidar check profiles/igv.yaml front')
  .action(async (file: string, part: string | undefined, options: CheckCommand) => {
    const signal = terminal.signal()
    const checked = await checkLidars(await loadProfile(file), { part, wait_ms: options.wait * 1000, state: options.state, signal, onProgress: (says) => progress(terminal, says) })
    progress(terminal, '')
    terminal.out(options.json === true ? checked.map((lidar) => `${JSON.stringify(lidar)}\n`).join('') : checkTable(checked))
    if (!checked.every(({ passed }) => passed)) terminal.exitCode(1)
  })

async function* only(all: AsyncIterable<Datagram>, port: number | undefined): AsyncGenerator<Datagram> {
  for await (const datagram of all) if (port === undefined || datagram.port === port) yield datagram
}

/** One line that is written over, while a person watches. */
function progress(terminal: Terminal, text: string): void {
  if (terminal.watched) terminal.err(`\r\u001B[K${text}`)
}

function there(file: string): void {
  if (!existsSync(file)) throw new UsageError('PC-CLI-FILE', `There is no file ${file}.`)
}

function portOf(text: string): number {
  return numberGiven(text, 1, 65_535, 'A port is a number from 1 to 65535.')
}

function secondsOf(text: string): number {
  return numberGiven(text, 0.1, 3_600, 'Seconds are a number from 0.1 to 3600.')
}
