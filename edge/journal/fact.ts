/** A fact: one thing that happened, as the journal keeps it and the uplink sends it. */
import type { WallTime } from '../base/clock.ts'
import type { Json } from '../base/canonical.ts'

/** How long a fact is kept is a matter of its class (the profile says how long for each). */
export type FactClass = 'passage' | 'safety' | 'fault' | 'command' | 'audit'

/** What the writer gives. */
export interface NewFact {
  /** Dotted name, such as `gate.step` or `uplink.command`. */
  kind: string
  class: FactClass
  body: Json
  /** Personal data: encrypted under the day's key, and unreadable once that key is erased. */
  personal?: Json
}

export interface Fact {
  /** From the profile. */
  device: string
  /** Counts the starts of this journal's runtime, from 1. */
  epoch: number
  /** Counts facts of this device over all epochs, from 1, without gaps. */
  seq: number
  wall: WallTime
  /** Monotonic clock of the epoch, whole milliseconds. */
  mono_ms: number
  kind: string
  class: FactClass
  body: Json
  /** Sealed personal data: UTC day of the key, and nonce + ciphertext + tag in base64. */
  personal?: { day: string; sealed: string }
  /** SHA-256 of the fact before this one, hexadecimal; 64 zeros for the first. */
  prev: string
  /** SHA-256 of the canonical JSON (RFC 8785) of all fields but this one, hexadecimal. */
  hash: string
}

/** What readers of the journal (the uplink, the faces) may use. */
export interface FactSource {
  /** Facts with a greater sequence number, oldest first, at most `most`. */
  after(seq: number, most: number): Fact[]
  /** The sequence number of the newest durable fact; 0 when there is none. */
  readonly last: number
  /** Calls back when newer facts became durable; returns what removes the listener. */
  onAppend(listener: (last: number) => void): () => void
  /** A reader's durable position: the last sequence number it is done with. 0 when it never said. */
  cursor(reader: string): number
  setCursor(reader: string, seq: number): void
}

/** What writers use. */
export interface FactSink {
  /** Resolves once the fact would survive a power cut. */
  append(fact: NewFact): Promise<{ seq: number }>
}
