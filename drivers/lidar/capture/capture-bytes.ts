/** The bytes of a capture file, in pieces; unpacked where it was packed with gzip, as captures often are kept. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ConfigError, InputError } from '../../../edge/base/error.ts'

const chunk_bytes = 1_048_576

/**
 * What is kept of the file at a time is bounded, whatever it unpacks to.
 * @throws ConfigError (PC-CAPTURE-FILE), InputError (PC-CAPTURE-TRUNCATED, PC-CAPTURE-CORRUPT) of a gzip, in its place
 */
export async function* captureBytes(file: string): AsyncGenerator<Uint8Array, void> {
  try {
    const isPacked = await isGzip(file)
    const source = createReadStream(file, { highWaterMark: chunk_bytes })
    // Whoever wants no more of it ends both; what goes wrong with either comes out of the second.
    const bytes = isPacked ? pipeline(source, createGunzip({ chunkSize: chunk_bytes }), () => undefined) : source
    for await (const chunk of bytes) yield chunk as Uint8Array
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw new InputError('PC-CAPTURE-TRUNCATED', `The capture ${file} ends in the middle of what was packed with gzip.`, { cause })
    if (code?.startsWith('Z_') === true) throw new InputError('PC-CAPTURE-CORRUPT', `The capture ${file} was packed with gzip and cannot be unpacked any further.`, { cause })
    throw new ConfigError('PC-CAPTURE-FILE', `The capture ${file} cannot be read.`, { cause })
  }
}

/** RFC 1952, 2.3.1. */
async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await handle.close()
  }
}
