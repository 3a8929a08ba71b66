/** Certificates: the server's own, and whom it trusts. Folders as OPC 10000-12 (annex F) has them. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { OPCUACertificateManager, type StatusCode, StatusCodes } from 'node-opcua'
import type { Clock, WallTime } from '../base/clock.ts'
import { ConfigError, UsageError } from '../base/error.ts'
import { waitingMax } from './contract.ts'

/** Before this a computer's clock was never set. */
const clockMin = Date.UTC(2026, 0, 1)
const day_ms = 24 * 60 * 60_000
const validity_days = 3_650
/** A certificate is a few kilobytes. */
const certificate_B_max = 64 * 1024

export interface Waiting {
  fingerprint: string
  application: string
  until: string
}

export interface OwnCertificate {
  file: string
  key: string
  fingerprint: string
  /** The end of its last day. */
  until: WallTime
}

/** Whom the server trusts, and whom it turned away. */
export class Trust extends OPCUACertificateManager {
  /** Hears of each client that was turned away. */
  onRefused: (why: 'untrusted' | 'broken') => void = () => undefined

  constructor(folder: string) {
    super({ rootFolder: folder, keySize: 2048, automaticallyAcceptUnknownCertificate: false })
  }

  /** Who was turned away, the newest first. */
  async waiting(): Promise<Waiting[]> {
    const files = await this.#newestFirst(this.rejectedFolder)
    const found = await Promise.all(files.slice(0, waitingMax).map((file) => read(file)))
    return found.flatMap((certificate) => (certificate === undefined ? [] : [describe(certificate)]))
  }

  /** @throws UsageError (PC-OPCUA-UNKNOWN) when no such certificate was turned away. */
  async trust(fingerprint: string): Promise<void> {
    await this.trustCertificate(await this.#find(this.rejectedFolder, fingerprint))
  }

  /** @throws UsageError (PC-OPCUA-UNKNOWN) when no such certificate is trusted. */
  async distrust(fingerprint: string): Promise<void> {
    await this.rejectCertificate(await this.#find(this.trustedFolder, fingerprint))
  }

  /** Whoever knocks often with ever new certificates must not fill the disk: the oldest of them give way. */
  async forgetOldest(): Promise<void> {
    const files = await this.#newestFirst(this.rejectedFolder)
    await Promise.all(files.slice(waitingMax).map((file) => rm(file, { force: true })))
  }

  override checkCertificate(...args: unknown[]): never {
    const check = super.checkCertificate as (...given: unknown[]) => unknown
    const last = args.at(-1)
    if (typeof last !== 'function') return (check.apply(this, args) as Promise<StatusCode>).then((status) => this.#judged(status)) as never
    const told = (error: Error | null, status?: StatusCode): void => {
      if (status !== undefined) this.#judged(status)
      ;(last as (error: Error | null, status?: StatusCode) => void)(error, status)
    }
    return check.apply(this, [...args.slice(0, -1), told]) as never
  }

  #judged(status: StatusCode): StatusCode {
    if (!status.isGood()) this.onRefused(status.equals(StatusCodes.BadCertificateUntrusted) ? 'untrusted' : 'broken')
    return status
  }

  async #find(folder: string, fingerprint: string): Promise<Buffer> {
    for (const file of await this.#newestFirst(folder)) {
      const certificate = await read(file)
      if (certificate !== undefined && fingerprintOf(certificate.raw) === fingerprint) return certificate.raw
    }
    throw new UsageError('PC-OPCUA-UNKNOWN', 'There is no certificate with this fingerprint.', { component: 'opcua' })
  }

  async #newestFirst(folder: string): Promise<string[]> {
    const names = await readdir(folder).catch(() => [])
    const files = await Promise.all(names.map(async (name) => ({ file: join(folder, name), at: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })))
    return files.sort((a, b) => b.at - a.at).map(({ file }) => file)
  }
}

/**
 * The server's own certificate and key, made when there are none, and checked. The key is its owner's alone.
 * @throws ConfigError (PC-OPCUA-CLOCK, PC-OPCUA-CERTIFICATE).
 */
export async function ownCertificate(trust: Trust, { uri, names, clock }: { uri: string; names: readonly string[]; clock: Clock }): Promise<OwnCertificate> {
  const now = clock.wall()
  if (now < clockMin) throw tooEarly()
  await trust.initialize().catch((cause: unknown) => {
    throw unusable('Its key is damaged.', cause)
  })
  const file = join(trust.rootDir, 'own', 'certs', 'certificate.pem')
  await chmod(trust.privateKey, 0o600)
  if (await stat(file).then(() => false, () => true)) {
    await trust.createSelfSignedCertificate({
      outputFile: file, applicationUri: uri, subject: `/CN=Portcullis/O=${names[0] ?? 'device'}`,
      dns: names.filter((name) => !isAddress(name)), ip: names.filter(isAddress), startDate: new Date(now - day_ms), validity: validity_days,
    })
  }
  const certificate = await read(file)
  const key = await readFile(trust.privateKey).then((pem) => createPrivateKey(pem)).catch(() => undefined)
  if (certificate === undefined || key === undefined || !certificate.checkPrivateKey(key)) throw unusable('It is damaged, or its key is another.')
  if (!(certificate.subjectAltName ?? '').includes(`URI:${uri}`)) throw unusable(`It was not made for this device: it must name ${uri}.`)
  if (Date.parse(certificate.validFrom) > now) throw tooEarly()
  if (Date.parse(certificate.validTo) < now) throw unusable('Its last day is over.')
  return { file, key: trust.privateKey, fingerprint: fingerprintOf(certificate.raw), until: Date.parse(certificate.validTo) }
}

/** SHA-256 of a certificate (DER), hexadecimal. */
export const fingerprintOf = (der: Buffer): string => new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase()

const isAddress = (name: string): boolean => /^[0-9.]+$/.test(name) || name.includes(':')

async function read(file: string): Promise<X509Certificate | undefined> {
  try {
    if ((await stat(file)).size > certificate_B_max) return undefined
    return new X509Certificate(await readFile(file))
  } catch {
    return undefined
  }
}

/** What a technician compares with what the client shows. Its words come from outside. */
function describe(certificate: X509Certificate): Waiting {
  const uri = /URI:([^,]*)/.exec(certificate.subjectAltName ?? '')?.[1]
  return {
    fingerprint: fingerprintOf(certificate.raw),
    application: (uri ?? certificate.subject ?? '').replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 256),
    until: certificate.validToDate.toISOString(),
  }
}

const tooEarly = (): ConfigError => new ConfigError('PC-OPCUA-CLOCK', "The computer's clock stands before the first day of the OPC UA certificate: nobody could trust it.", { component: 'opcua' })
const unusable = (why: string, cause?: unknown): ConfigError => new ConfigError('PC-OPCUA-CERTIFICATE', `The own certificate of the OPC UA server cannot be used. ${why}`, { component: 'opcua', cause })
