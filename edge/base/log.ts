/**
 * The log: one JSON object a line on standard output, for journald and whoever reads it at night.
 *
 * Personal data does not belong here, and a slip does not get through: fields with a telling name
 * are replaced, and so is any text in which a machine-readable zone or a long digit run stands.
 * Of addresses, what may be a secret is left out.
 */
import { destination, type Logger, pino, stdTimeFunctions } from 'pino'
import { describe } from './error.ts'
import { withoutSecretsOf } from './without-secrets.ts'

export type { Logger } from 'pino'
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

const hidden = '[hidden]'

/** Field names that never reach a log, at any depth. */
const personalFields = new Set([
  'name', 'names', 'surname', 'givenNames', 'holder', 'person', 'dateOfBirth', 'birthDate', 'address',
  'documentNumber', 'personalNumber', 'number', 'mrz', 'lines', 'code', 'text', 'template', 'embedding',
  'image', 'photo', 'frame', 'password', 'secret', 'key', 'token',
])

/** What is personal as scanned content is not as an error's code, or where a page is. */
const harmless: Record<string, (value: string) => boolean> = {
  code: (value) => value.startsWith('PC-'),
  address: (value) => URL.canParse(value),
}

/** Fillers of ICAO 9303 (`<<`), digit runs as long as a document's number, and the birth date of a citizen card's code. */
const personalText = /<<|\d{9,}|\|\d{8}\|/

const depthMax = 6

/** A copy of `value` that is fit for a log. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return personalText.test(value) ? hidden : withoutSecretsOf(value)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Error) return redact(describe(value), depth + 1)
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (depth >= depthMax) return '[deep]'
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth + 1))
  const copy: Record<string, unknown> = {}
  for (const [field, content] of Object.entries(value)) {
    const harmlessHere = typeof content === 'string' && harmless[field]?.(content) === true
    copy[field] = personalFields.has(field) && !harmlessHere ? hidden : redact(content, depth + 1)
  }
  return copy
}

/** Where log lines go. Standard output unless told otherwise. */
export interface LogSink {
  write(line: string): void
}

/** Decides line by line, where a logger's own level is too coarse: components may differ for a while. */
export interface LogGate {
  /** @param level pino's number: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal */
  passes(component: string | undefined, level: number): boolean
}

/** The component that a line is about, as its fields say. */
function componentOf(fields: unknown): string | undefined {
  const { component, unit } = (fields ?? {}) as { component?: unknown; unit?: unknown }
  const found = component ?? unit
  return typeof found === 'string' ? found : undefined
}

/** Standard output, written before the call returns: a program that ends has said all. */
export const standardOutput = (): LogSink => destination({ fd: 1, sync: true })

/** @param gate is asked about every line that the logger's level lets through, before anything is made of it */
export function createLogger(level: LogLevel = 'info', sink?: LogSink, gate?: LogGate): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    messageKey: 'says',
    errorKey: 'error',
    // Errors have become a code and a sentence by then.
    serializers: { error: (error: unknown) => error },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => redact(fields) as Record<string, unknown>,
    },
    hooks: {
      logMethod(this: Logger, parts: unknown[], method: (...parts: never[]) => void, rank: number) {
        if (gate?.passes(componentOf(parts[0]), rank) === false) return
        const safe = parts.map((part) => (typeof part === 'string' ? redact(part) : part))
        method.apply(this, safe as never[])
      },
    },
  }
  return sink === undefined ? pino(options) : pino(options, sink)
}

/** For tests and tools that want no log at all. */
export const silent: Logger = createLogger('silent')
