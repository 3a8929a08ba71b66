/** What could be decided, in small whole numbers: comparing and copying it allocates nothing. */

export const levels = ['clear', 'slow', 'stop'] as const
export const causes = ['none', 'source', 'stale', 'starting', 'motion', 'field', 'sensor-field'] as const
export type CauseKind = (typeof causes)[number]

export class Candidate {
  /** 0 for clear, the more the stricter. */
  strictness = 0
  /** Of `levels`. */
  level = 0
  cause: CauseKind = 'none'
  /** Number of the source, -1 for none. */
  source = -1
  /** Why the source is not believed. */
  trouble = ''
  /** Number of the field set, -1 for none. */
  set = -1
  /** Number among the sensors' own fields, -1 for none. */
  sensorField = -1

  /** Becomes this if it is stricter, and says whether it did: then the details are the caller's to fill in. */
  offer(strictness: number, level: number, cause: CauseKind): boolean {
    if (strictness <= this.strictness) return false
    this.clear()
    this.strictness = strictness
    this.level = level
    this.cause = cause
    return true
  }

  clear(): void {
    this.copy(nothing)
  }

  copy(other: Candidate): void {
    this.strictness = other.strictness
    this.level = other.level
    this.cause = other.cause
    this.source = other.source
    this.trouble = other.trouble
    this.set = other.set
    this.sensorField = other.sensorField
  }

  equals(other: Candidate): boolean {
    return this.strictness === other.strictness && this.cause === other.cause && this.source === other.source
      && this.trouble === other.trouble && this.set === other.set && this.sensorField === other.sensorField
  }
}

const nothing = new Candidate()
