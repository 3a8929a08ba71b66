/**
 * One family of errors, split by who must act.
 *
 * A code (`PC-AREA-WHAT`) is stable: people search for it and programs match on it, never on the
 * text. The message is one plain sentence that says what happened and, where it helps, what to do.
 * Neither ever holds personal data. Every code is listed in docs/errors.md; a house rule checks it.
 */
export type ErrorCode = `PC-${string}`

export interface ErrorDetails {
  /** The component that failed, as the profile names it. */
  component?: string
  cause?: unknown
}

export abstract class PortcullisError extends Error {
  readonly code: ErrorCode
  readonly component: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.component = details.component
  }
}

/** The person or program that called used it wrongly: correct the call. */
export class UsageError extends PortcullisError {}

/** A profile, list, key or file is wrong: the operator must correct it. */
export class ConfigError extends PortcullisError {}

/** Bytes from outside break their specification: refused, counted, nothing else happens. */
export class InputError extends PortcullisError {}

/** A device does not answer, answers wrongly or reports a fault: the technician must look. */
export class DeviceError extends PortcullisError {}

/** Something took longer than its limit. */
export class TimeoutError extends PortcullisError {}

/** The caller no longer wants the result. Not a fault. */
export class CancelledError extends PortcullisError {
  constructor(component?: string) {
    super('PC-BASE-CANCELLED', 'The operation was cancelled.', component === undefined ? {} : { component })
  }
}

/** A resource of this device is used up (disk, queue, memory): the operator must look. */
export class ResourceError extends PortcullisError {}

/** The caller may not do this. */
export class ForbiddenError extends PortcullisError {}

/** Our own bug: an invariant does not hold. */
export class InternalError extends PortcullisError {}

/** Throws `InternalError` when an invariant does not hold. */
export function invariant(holds: unknown, what: string): asserts holds {
  if (!(holds as boolean)) throw new InternalError('PC-BASE-INVARIANT', `An internal invariant does not hold: ${what}.`)
}

/** Ends an exhaustive switch: a new variant that nobody handles does not compile. */
export function unreachable(value: never): never {
  throw new InternalError('PC-BASE-INVARIANT', `An internal invariant does not hold: unhandled variant ${JSON.stringify(value)}.`)
}

/** What may be shown and logged of anything thrown: a code and one sentence. */
export function describe(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof PortcullisError) return { code: error.code, message: error.message }
  const system = (error as NodeJS.ErrnoException | null)?.code
  if (typeof system === 'string') return { code: 'PC-BASE-SYSTEM', message: `The operating system refused: ${system}.` }
  return { code: 'PC-BASE-UNEXPECTED', message: error instanceof Error ? `Unexpected ${error.name}.` : 'Unexpected failure.' }
}
