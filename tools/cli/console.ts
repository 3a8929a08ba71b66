/** `portcullis console`: the technician's console of a running device, from a terminal on it or over the network. */
import { resolve } from 'node:path'
import { createConnection, type Socket } from 'node:net'
import { connect as connectByTls } from 'node:tls'
import { Command } from 'commander'
import { DeviceError, UsageError } from '../../edge/base/error.ts'
import { socketOf } from '../../edge/console/sockets.ts'
import { readGiven } from './given.ts'

interface ConsoleOptions {
  state: string
  connect?: string
  ca?: string
  cert?: string
  key?: string
  server?: string
}

/** Ctrl-], as telnet has it: leaves whatever the device does. */
const leave = 0x1d
/** Ctrl-D: at the end of what a script sends, the session ends. */
const end = Uint8Array.of(0x04)

export function command(): Command {
  return new Command('console')
    .description('Opens the console of a running device: its own, or by --connect one that allows it over the network. Ctrl-] leaves.')
    .option('-s, --state <folder>', 'the state folder of the device that runs here', process.env['STATE_DIRECTORY'] ?? '/var/lib/portcullis')
    .option('--connect <host:port>', 'a device that listens on the network, by TLS')
    .option('--ca <file>', 'the certificates that the device\'s must come from (PEM)')
    .option('--cert <file>', 'your certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--server <name>', 'the name in the device\'s certificate, when it is not the host')
    .addHelpText('after', '\nExample:\n  portcullis console --state /var/lib/portcullis')
    .action(open)
}

async function open(options: ConsoleOptions): Promise<void> {
  const socket = await (options.connect === undefined ? connected(createConnection(socketOf(resolve(options.state)))) : byTls(options.connect, options))
  await converse(socket)
}

async function byTls(address: string, { ca, cert, key, server }: ConsoleOptions): Promise<Socket> {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(address) ?? []
  if (host === undefined || port === undefined) throw new UsageError('PC-CLI-OPTION', 'Where to connect is written as host:port.')
  if (ca === undefined || cert === undefined || key === undefined) throw new UsageError('PC-CLI-OPTION', 'Over the network it takes --ca, --cert and --key.')
  return await connected(connectByTls({
    host, port: Number(port), ca: readGiven(ca), cert: readGiven(cert), key: readGiven(key), minVersion: 'TLSv1.3',
    ...(server === undefined ? {} : { servername: server }),
  }), 'secureConnect')
}

/** @throws DeviceError (PC-CONSOLE-AWAY). */
function connected(socket: Socket, event: 'connect' | 'secureConnect' = 'connect'): Promise<Socket> {
  return new Promise((done, reject) => {
    socket.once(event, () => done(socket))
    socket.once('error', (cause) => reject(new DeviceError('PC-CONSOLE-AWAY', 'No device answers there: does it run, may you reach it, and is its certificate good?', { cause })))
  })
}

/** Passes bytes on until either side ends; the terminal is as it was afterwards, whatever happens. */
async function converse(socket: Socket): Promise<void> {
  const { stdin, stdout } = process
  const restore = (): void => {
    if (stdin.isTTY) stdin.setRawMode(false)
  }
  process.once('exit', restore)
  for (const [signal, code] of [['SIGTERM', 143], ['SIGHUP', 129], ['SIGINT', 130]] as const) process.once(signal, () => process.exit(code))
  if (stdin.isTTY) stdin.setRawMode(true)
  const ended = new Promise<void>((done) => {
    socket.once('close', () => done())
  })
  socket.on('error', () => socket.destroy())
  stdin.on('data', (bytes: Buffer) => {
    if (stdin.isTTY && bytes.includes(leave)) socket.destroy()
    else if (!socket.write(bytes)) stdin.pause()
  })
  socket.on('drain', () => stdin.resume())
  stdin.once('end', () => socket.write(end))
  socket.pipe(stdout, { end: false })
  await ended
  restore()
  stdin.pause()
  if (stdin.isTTY) stdout.write('\r\n')
}
