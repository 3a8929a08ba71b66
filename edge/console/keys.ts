/**
 * The keys of a VT100 from the bytes it sends (ANSI X3.64 as in DEC's VT100 user guide, chapter 3).
 *
 * The line may be noisy or at the wrong speed: every byte sequence decodes to something, nothing is
 * kept but a few bytes of an unfinished sequence.
 */

export type NamedKey =
  | 'enter' | 'tab' | 'backspace' | 'delete' | 'left' | 'right' | 'up' | 'down' | 'home' | 'end'
  | 'kill-end' | 'kill-start' | 'kill-word' | 'redraw' | 'search' | 'interrupt' | 'eof' | 'break' | 'leave'

export type Key =
  /** A run of printable ASCII that came together. */
  | { kind: 'text'; text: string }
  | { kind: NamedKey }
  /** What the terminal says of its size or of where its cursor is, when it was asked (CPR). */
  | { kind: 'position'; row: number; column: number }
  /** Bytes that no terminal sends that works and is set right. */
  | { kind: 'noise'; bytes: number }

const controls: Readonly<Record<number, NamedKey>> = {
  0x00: 'break', 0x01: 'home', 0x02: 'left', 0x03: 'interrupt', 0x04: 'eof', 0x05: 'end', 0x06: 'right', 0x07: 'leave', 0x08: 'backspace',
  0x09: 'tab', 0x0b: 'kill-end', 0x0c: 'redraw', 0x0e: 'down', 0x10: 'up', 0x12: 'search', 0x15: 'kill-start', 0x17: 'kill-word', 0x7f: 'backspace',
}

const finals: Readonly<Record<string, NamedKey>> = { A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end' }
/** `ESC [ n ~`, as VT220 and what came after it send. */
const numbered: Readonly<Record<string, NamedKey>> = { 1: 'home', 3: 'delete', 4: 'end', 7: 'home', 8: 'end' }

const escape = 0x1b
const sequenceMax = 16

type State = 'ground' | 'escape' | 'csi' | 'ss3'

export class KeyDecoder {
  #state: State = 'ground'
  #sequence = ''
  #afterReturn = false

  /** What is unfinished is forgotten. */
  reset(): void {
    this.#state = 'ground'
    this.#sequence = ''
    this.#afterReturn = false
  }

  decode(bytes: Uint8Array): Key[] {
    const keys: Key[] = []
    for (const byte of bytes) this.#take(byte, keys)
    return keys
  }

  #take(byte: number, keys: Key[]): void {
    if (byte === escape) this.#state = 'escape'
    else if (this.#state === 'ground') this.#plain(byte, keys)
    else if (byte < 0x20 || byte > 0x7e) this.#broken(byte, keys)
    else this.#inSequence(String.fromCharCode(byte), keys)
    this.#afterReturn = byte === 0x0d
    if (byte === escape) this.#sequence = ''
  }

  #plain(byte: number, keys: Key[]): void {
    if (byte >= 0x20 && byte <= 0x7e) return addText(keys, String.fromCharCode(byte))
    // A terminal ends its line with CR, LF, or both: each is one Enter. (CR NUL, as in RFC 854, is not: a NUL is a break.)
    if (byte === 0x0d) return void keys.push({ kind: 'enter' })
    if (byte === 0x0a && this.#afterReturn) return
    if (byte === 0x0a) return void keys.push({ kind: 'enter' })
    const kind = controls[byte]
    if (kind === undefined) addNoise(keys)
    else keys.push({ kind })
  }

  /** A control or a foreign byte within a sequence ends it: it was noise, or somebody pressed Escape. */
  #broken(byte: number, keys: Key[]): void {
    this.#state = 'ground'
    this.#plain(byte, keys)
  }

  #inSequence(letter: string, keys: Key[]): void {
    if (this.#state === 'escape') {
      this.#state = letter === '[' ? 'csi' : letter === 'O' ? 'ss3' : 'ground'
      return
    }
    if (this.#state === 'csi' && letter < '@') {
      this.#sequence += letter
      if (this.#sequence.length <= sequenceMax) return
      this.#state = 'ground'
      return addNoise(keys)
    }
    this.#state = 'ground'
    const key = meaning(this.#sequence, letter)
    if (key !== undefined) keys.push(key)
  }
}

/** Function keys and the like mean nothing here. */
function meaning(parameters: string, final: string): Key | undefined {
  if (final === 'R') {
    const [, row, column] = /^(\d{1,4});(\d{1,4})$/.exec(parameters) ?? []
    return row === undefined || column === undefined ? undefined : { kind: 'position', row: Number(row), column: Number(column) }
  }
  const kind = final === '~' ? numbered[parameters] : finals[final]
  return kind === undefined ? undefined : { kind }
}

function addText(keys: Key[], text: string): void {
  const last = keys.at(-1)
  if (last?.kind === 'text') last.text += text
  else keys.push({ kind: 'text', text })
}

function addNoise(keys: Key[]): void {
  const last = keys.at(-1)
  if (last?.kind === 'noise') last.bytes++
  else keys.push({ kind: 'noise', bytes: 1 })
}
