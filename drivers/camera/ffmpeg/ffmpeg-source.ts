/** The pictures that an ffmpeg child process writes to its standard output. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { ConfigError, DeviceError, type PortcullisError } from '../../../edge/base/error.ts'
import type { DriverContext } from '../../kit/driver.ts'
import { credentialOf } from '../authorization.ts'
import { bareStart } from '../jpeg.ts'
import type { PictureSource, SourceListener } from '../source.ts'
import { type Call, callFor, type Input, type InputOptions } from './arguments.ts'

export interface FfmpegCamera extends InputOptions {
  program: string
  /** Reference to `user:password`. */
  credential?: string
}

/** How long ffmpeg may take to say goodbye to the camera before it is killed. */
const goodbye_ms = 400
/** So much of what ffmpeg complains about is kept. */
const complaintsMax = 2_000

export function ffmpegSource(camera: FfmpegCamera, context: DriverContext): PictureSource {
  const { v4l2, rtsp, file } = camera.input
  return {
    kind: v4l2 === undefined ? (rtsp === undefined ? 'FILE' : 'RTSP') : 'V4L2',
    where: (v4l2 ?? rtsp ?? file ?? '').replace(/\?.*$/s, ''),
    async deliver(listener, signal) {
      const call = callFor(camera, await credentialFor(camera, context))
      const manufacturer = await manufacturerOf(camera.input)
      if (!signal.aborted) await new Child(camera.program, call, context).deliver(listener, manufacturer, signal)
    },
  }
}

async function credentialFor({ credential }: FfmpegCamera, context: DriverContext) {
  if (credential === undefined) return undefined
  const parsed = credentialOf(await context.secret(credential))
  if (parsed !== undefined) return parsed
  throw new ConfigError('PC-CAMERA-CREDENTIAL', `The credential of ${context.name} is not of the form user:password.`, { component: context.name })
}

/** What a video device calls itself; the other inputs do not say. */
async function manufacturerOf({ v4l2 }: Input): Promise<string> {
  if (v4l2 === undefined) return 'unknown'
  const name = await realpath(v4l2)
    .then((path) => readFile(`/sys/class/video4linux/${basename(path)}/name`, 'utf8'))
    .catch(() => '')
  return name.replaceAll(/[^\x20-\x7e]/g, '').trim().slice(0, 64) || 'unknown'
}

/** One run of ffmpeg. */
class Child {
  readonly #program: string
  readonly #call: Call
  readonly #context: DriverContext
  #complaints = ''

  constructor(program: string, call: Call, context: DriverContext) {
    this.#program = program
    this.#call = call
    this.#context = context
  }

  /** Runs until ffmpeg ends. @throws what that means, unless `signal` ended it. */
  async deliver(listener: SourceListener, manufacturer: string, signal: AbortSignal): Promise<void> {
    const child = spawn(this.#program, this.#call.arguments, {
      stdio: [this.#call.script === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    })
    const { stdin, stdout, stderr } = child as { stdin: Writable | null; stdout: Readable; stderr: Readable }
    const failed = new Promise<unknown>((resolve) => {
      child.once('error', resolve)
    })
    const ended = new Promise<undefined>((resolve) => {
      child.once('close', () => resolve(undefined))
    })
    child.once('spawn', () => listener.onOpened(manufacturer, bareStart))
    stdout.on('data', (bytes: Uint8Array) => listener.onBytes(bytes))
    stderr.on('data', (bytes: Buffer) => {
      this.#complaints = (this.#complaints + bytes.toString('latin1')).slice(-complaintsMax)
    })
    stdin?.on('error', () => undefined)
    stdin?.end(this.#call.script)
    const stopEnding = this.#endWith(child, signal)
    const cause = await Promise.race([failed, ended])
    stopEnding()
    if (cause !== undefined) throw this.#notStarted(cause as NodeJS.ErrnoException)
    if (!signal.aborted) throw this.#meaning(child)
  }

  /** Ends the child when `signal` aborts: kindly, so that the camera frees its session, then for sure. */
  #endWith(child: ChildProcess, signal: AbortSignal): () => void {
    let cancel = (): void => undefined
    const end = (): void => {
      child.kill('SIGTERM')
      cancel = this.#context.clock.after(goodbye_ms, () => child.kill('SIGKILL'))
    }
    signal.addEventListener('abort', end, { once: true })
    return () => {
      signal.removeEventListener('abort', end)
      cancel()
    }
  }

  #notStarted(cause: NodeJS.ErrnoException): PortcullisError {
    const component = this.#context.name
    if (cause.code === 'ENOENT') return new ConfigError('PC-CAMERA-FFMPEG-MISSING', `${this.#program} is not installed: install the Debian package ffmpeg.`, { component, cause })
    return new DeviceError('PC-CAMERA-FFMPEG', 'ffmpeg could not be started.', { component, cause })
  }

  /** ffmpeg says why it ended in words only; they may hold the address and so are not passed on. */
  #meaning({ exitCode, signalCode }: ChildProcess): DeviceError {
    const component = this.#context.name
    const said = this.#complaints
    // With its words: the bare number also stands in addresses and file names, which ffmpeg repeats.
    if (/\b(?:401 Unauthorized|403 Forbidden)\b/.test(said)) return new DeviceError('PC-CAMERA-AUTH', `The camera of ${component} does not accept the user and password.`, { component })
    if (/No such file|No such device|refused|No route|timed out|Failed to resolve|unreachable|busy|Permission denied/i.test(said)) {
      return new DeviceError('PC-LINK-OPEN', `The camera of ${component} cannot be opened: check that it is there and may be used.`, { component })
    }
    return new DeviceError('PC-CAMERA-FFMPEG', `ffmpeg ended with ${signalCode ?? `exit code ${exitCode}`}.`, { component })
  }
}
