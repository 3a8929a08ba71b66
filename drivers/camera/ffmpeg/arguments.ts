/** How ffmpeg is told what to read, so that it delays nothing and no password can be seen. */
import type { Credential } from '../authorization.ts'

/** One of the three is given. */
export interface Input {
  /** A video device, such as /dev/video0. */
  v4l2?: string
  rtsp?: string
  /** A recording, played again and again at its own pace. */
  file?: string
}

export interface InputOptions {
  input: Input
  format: 'mjpeg' | 'raw'
  transport: 'tcp' | 'udp'
  /** Such as `640x480`. */
  size?: string
  rate?: number
}

export interface Call {
  arguments: string[]
  /** What ffmpeg reads on its standard input, if anything. */
  script?: string
}

const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error']
/**
 * Decoding threads beyond one and the guessing of the rate each cost frames of delay. Not `nobuffer`:
 * it throws away what was looked at first, and with it the key picture that H.264 begins with.
 */
const prompt = ['-flags', 'low_delay', '-fpsprobesize', '0', '-analyzeduration', '1000000', '-threads', '1']
const toPipe = ['-flush_packets', '1', '-f', 'mjpeg', 'pipe:1']
const videoOnly = ['-map', '0:v:0', '-an', '-sn', '-dn']
/**
 * Every picture once: none is repeated for a missing one, which would hide a silent camera. Times
 * are counted anew, because ffmpeg gives up on those of cameras that run backwards or stand still.
 */
const encode = [
  '-vf', 'settb=1/25,setpts=N', '-enc_time_base', '1/25', '-fps_mode', 'passthrough',
  '-c:v', 'mjpeg', '-huffman', 'default', '-pix_fmt', 'yuvj420p', '-q:v', '3',
]
/** Cameras leave the usual Huffman tables out of their MJPEG; the filter puts them in. */
const copy = ['-c:v', 'copy', '-bsf:v', 'mjpeg2jpeg']

export function callFor(options: InputOptions, credential?: Credential): Call {
  const { v4l2, rtsp, file } = options.input
  if (v4l2 !== undefined) return { arguments: [...quiet, ...prompt, ...device(v4l2, options), ...videoOnly, ...(options.format === 'mjpeg' ? copy : encode), ...toPipe] }
  if (rtsp !== undefined) return network(rtsp, options.transport, credential)
  return { arguments: [...quiet, '-protocol_whitelist', 'file', '-re', '-stream_loop', '-1', '-i', `file:${file}`, ...videoOnly, ...encode, ...toPipe] }
}

function device(path: string, { format, size, rate }: InputOptions): string[] {
  return [
    '-f', 'v4l2',
    ...(format === 'mjpeg' ? ['-input_format', 'mjpeg'] : []),
    ...(size === undefined ? [] : ['-video_size', size]),
    ...(rate === undefined ? [] : ['-framerate', `${rate}`]),
    '-i', path,
  ]
}

/**
 * Everybody on the machine can read a program's arguments, so the address, which holds the
 * password, goes through standard input as a list of one entry.
 */
function network(url: string, transport: 'tcp' | 'udp', credential: Credential | undefined): Call {
  const protocols = transport === 'tcp' ? 'rtsp,rtp,tcp' : 'rtsp,rtp,tcp,udp'
  const script = [
    'ffconcat version 1.0',
    `file '${withCredential(url, credential)}'`,
    `option rtsp_transport ${transport}`,
    `option protocol_whitelist ${protocols}`,
    'option fpsprobesize 0',
    'option analyzeduration 1000000',
    '',
  ].join('\n')
  return {
    arguments: [...quiet, ...prompt, '-f', 'concat', '-safe', '0', '-protocol_whitelist', `pipe,${protocols}`, '-i', 'pipe:0', ...videoOnly, ...encode, ...toPipe],
    script,
  }
}

function withCredential(url: string, credential: Credential | undefined): string {
  if (credential === undefined) return url
  const encoded = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
  return url.replace('rtsp://', () => `rtsp://${encoded(credential.user)}:${encoded(credential.password)}@`)
}
