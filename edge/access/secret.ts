/** Secrets of people: what is too weak, and how they are kept (scrypt, RFC 7914), without holding up the gate. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { ResourceError } from '../base/error.ts'
import { type Static, Type } from '../base/schema.ts'

const Bytes32 = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** The bounds keep a damaged or foreign file from taking memory (128 * N * r bytes) or time. */
export const HashedSecret = Type.Object({
  cost: Type.Object({
    /** N is two to the power of this. */
    logN: Type.Integer({ minimum: 4, maximum: 17 }),
    r: Type.Integer({ minimum: 1, maximum: 8 }),
    p: Type.Integer({ minimum: 1, maximum: 4 }),
  }, { additionalProperties: false }),
  salt: Bytes32,
  hash: Bytes32,
}, { additionalProperties: false })
export type HashedSecret = Static<typeof HashedSecret>
export type ScryptCost = HashedSecret['cost']

/** 32 MB and about 100 ms on the gate's computer. */
export const usualCost: ScryptCost = { logN: 15, r: 8, p: 1 }

export const secretLength = { min: 10, max: 128 }

/** Why a secret must not be taken; `undefined` when it may. */
export function weakness(person: string, secret: string): string | undefined {
  if (secret.length < secretLength.min) return `it must have at least ${secretLength.min} characters`
  if (secret.length > secretLength.max) return `it must have at most ${secretLength.max} characters`
  // What every keyboard and every terminal, at any character set, sends the same.
  if (!/^[\x20-\x7e]+$/.test(secret)) return 'it must be of letters, digits and signs without accents'
  if (person.length >= 3 && secret.toLowerCase().includes(person)) return 'it must not contain the name'
  if (new Set(secret).size < 5) return 'it must have at least five different characters'
  return isRun(secret) ? 'it must not be a row of characters that follow each other' : undefined
}

/** Such as 1234567890 or zyxwvutsrq. */
function isRun(secret: string): boolean {
  const steps = secret.split('').slice(1).map((character, at) => character.charCodeAt(0) - secret.charCodeAt(at))
  const breaks = steps.filter((step) => Math.abs(step) !== 1).length
  return breaks <= 1
}

/**
 * Hashing runs in the pool of four threads that file access uses, too, and on cores that the gate
 * needs: two at a time double the lag of the event loop (p99 7 ms instead of 3.5 on two cores). Who
 * comes when too many wait is sent away.
 */
const waiting_max = 12

export class SecretHashing {
  readonly #cost: ScryptCost
  /** What the secret of somebody who does not exist is compared with, so that it takes as long. */
  readonly #decoy: HashedSecret
  #running = false
  readonly #waiting: (() => void)[] = []

  constructor(cost: ScryptCost = usualCost) {
    this.#cost = cost
    this.#decoy = { cost, salt: randomBytes(32).toString('hex'), hash: randomBytes(32).toString('hex') }
  }

  /** @throws ResourceError (PC-ACCESS-BUSY). */
  async hash(secret: string): Promise<HashedSecret> {
    const salt = randomBytes(32)
    const hash = await this.#derive(secret, salt, this.#cost)
    return { cost: this.#cost, salt: salt.toString('hex'), hash: hash.toString('hex') }
  }

  /** Takes as long when nothing is stored. @throws ResourceError (PC-ACCESS-BUSY). */
  async matches(secret: string, stored: HashedSecret | undefined): Promise<boolean> {
    const { cost, salt, hash } = stored ?? this.#decoy
    const derived = await this.#derive(secret.slice(0, secretLength.max), Buffer.from(salt, 'hex'), cost)
    const same = timingSafeEqual(derived, Buffer.from(hash, 'hex'))
    return same && stored !== undefined && secret.length <= secretLength.max
  }

  async #derive(secret: string, salt: Uint8Array, { logN, r, p }: ScryptCost): Promise<Buffer> {
    await this.#turn()
    try {
      const N = 2 ** logN
      return await new Promise((resolve, reject) => {
        // Twice of what the derivation needs (RFC 7914, 2): Node counts some more than that.
        scrypt(secret, salt, 32, { N, r, p, maxmem: 256 * N * r }, (error, key) => (error === null ? resolve(key) : reject(error)))
      })
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running = false
      else next()
    }
  }

  /** Who waited takes over from who is done. */
  async #turn(): Promise<void> {
    if (!this.#running) {
      this.#running = true
      return
    }
    if (this.#waiting.length >= waiting_max) throw new ResourceError('PC-ACCESS-BUSY', 'Too many people log in at once: try again in some seconds.')
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
