/** Who we are to the PLC, and which PLC is the right one: certificates and a user, read anew for each connection. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Clock } from '../../../edge/base/clock.ts'
import { ConfigError } from '../../../edge/base/error.ts'
import type { OpcuaBarrierOptions } from './options.ts'

export interface Credentials {
  /** DER. */
  certificate: Buffer
  /** PEM. */
  key: string
  /** Our application's name, as the certificate gives it (OPC 10000-6, 6.2.2). */
  uri: string
  /** The PLC's own certificate, DER. */
  server: Buffer
  /** The last instant at which both certificates are valid, by the wall clock. */
  until: number
  user: { name: string; password: string } | undefined
}

/** @throws ConfigError (PC-PLC-CERTIFICATE, PC-PROFILE-SECRET). */
export async function readCredentials(
  security: OpcuaBarrierOptions['security'], secret: (reference: string) => Promise<Uint8Array>, clock: Clock, component: string,
): Promise<Credentials | undefined> {
  if (security === 'none') return undefined
  const unusable = (why: string): ConfigError => new ConfigError('PC-PLC-CERTIFICATE', `A certificate for the PLC of ${component} cannot be used. ${why}`, { component })
  const certificate = async (reference: string, whose: string): Promise<X509Certificate> => {
    const bytes = await secret(reference)
    try {
      return new X509Certificate(bytes)
    } catch {
      throw unusable(`${whose} is none.`)
    }
  }
  const own = await certificate(security.certificate, 'Our own')
  const server = await certificate(security.server, "The PLC's")
  const key = Buffer.from(await secret(security.key)).toString('latin1')
  const uri = /URI:([^,]+)/.exec(own.subjectAltName ?? '')?.[1]
  if (uri === undefined) throw unusable('Our own names no application (URI).')
  if (!belongs(own, key)) throw unusable('Our own has another key.')
  const now = clock.wall()
  const days = [own, server].map(({ validFrom, validTo }) => ({ from: Date.parse(validFrom), to: Date.parse(validTo) }))
  if (days.some(({ from, to }) => now < from || to < now)) throw unusable('Its days are over, or have not begun: compare with the clock.')
  const text = async (reference: string): Promise<string> => Buffer.from(await secret(reference)).toString('utf8')
  return {
    certificate: own.raw, key, uri, server: server.raw, until: Math.min(...days.map(({ to }) => to)),
    user: security.user === undefined ? undefined : { name: await text(security.user.name), password: await text(security.user.password) },
  }
}

function belongs(certificate: X509Certificate, pem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem))
  } catch {
    return false
  }
}
