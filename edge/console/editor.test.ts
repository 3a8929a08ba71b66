import fc from 'fast-check'
import t from 'tap'
import { toAscii } from './ascii.ts'
import { LineEditor, lineMax } from './editor.ts'
import { type Key, KeyDecoder } from './keys.ts'
import { RowPainter } from './painter.ts'
import { table, valueRows, withUnit, wrapped } from './rows.ts'

const escape = String.fromCharCode(27)
const sequences = new RegExp(`${escape}\\[(\\d*)([A-Z])|([\\b\\r])|([ -~])`, 'g')

/** The part of a VT100 that matters for one row, written from its user guide and from nothing in this folder. */
class Vt100Row {
  cells: string[] = new Array<string>(80).fill(' ')
  column = 0

  accept(sent: string): void {
    const parts = sent.matchAll(sequences)
    let length = 0
    for (const [whole, count, final, control, letter] of parts) {
      length += whole.length
      if (control === '\b') this.column = Math.max(0, this.column - 1)
      else if (control === '\r') this.column = 0
      else if (final !== undefined) this.#escape(final, count === '' ? 1 : Number(count))
      else if (letter !== undefined) {
        this.cells[this.column] = letter
        this.column++
        if (this.column >= 80) throw new Error('printed to the last column')
      }
    }
    if (length !== sent.length) throw new Error('sent what a VT100 does not know')
  }

  #escape(final: string, count: number): void {
    if (final === 'C') this.column = Math.min(79, this.column + count)
    else if (final === 'D') this.column = Math.max(0, this.column - count)
    else if (final === 'K') this.cells.fill(' ', this.column)
    else throw new Error(`sent ESC [ ${final}`)
  }

  get row(): string {
    return this.cells.join('').trimEnd()
  }
}

const keysOf = (...bytes: (string | number[])[]): Key[] => new KeyDecoder().decode(Buffer.concat(bytes.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))))

void t.test('keys: what terminals send for Enter, erasing and moving', async (t) => {
  const kinds = (...bytes: (string | number[])[]): string[] => keysOf(...bytes).map((key) => (key.kind === 'text' ? `'${key.text}'` : key.kind))
  t.strictSame(kinds('a\r\nb\rc\nd'), ["'a'", 'enter', "'b'", 'enter', "'c'", 'enter', "'d'"], 'CR, CR LF and LF are one Enter each')
  t.strictSame(kinds('\n\n\r\r\n'), ['enter', 'enter', 'enter', 'enter'])
  t.strictSame(kinds('\x7f\b\x1b[3~'), ['backspace', 'backspace', 'delete'])
  t.strictSame(kinds('\x1b[A\x1bOB\x1b[C\x1bOD'), ['up', 'down', 'right', 'left'])
  t.strictSame(kinds('\x1b[H\x1bOF\x1b[1~\x1b[4~\x1b[7~\x1b[8~'), ['home', 'end', 'home', 'end', 'home', 'end'])
  t.strictSame(kinds('\x01\x05\x0b\x15\x17\x0c\x12\x03\x04\t'), ['home', 'end', 'kill-end', 'kill-start', 'kill-word', 'redraw', 'search', 'interrupt', 'eof', 'tab'])
  t.strictSame(kinds('\r', [0]), ['enter', 'break'])
  t.strictSame(kinds('\x1b[15~\x1b[1;5C\x1bx'), ['right'], 'other function keys do nothing')
  t.strictSame(keysOf('\x1b[24;80R'), [{ kind: 'position', row: 24, column: 80 }])
  t.strictSame(kinds('\x1b[\rls'), ['enter', "'ls'"], 'a sequence that breaks off takes no key with it')
  t.strictSame(keysOf([0xff, 0xfe, 0x80]), [{ kind: 'noise', bytes: 3 }])
})

void t.test('keys: the same however the bytes are cut', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(20)), (bytes, cuts) => {
    const pieces = new KeyDecoder()
    const keys: Key[] = []
    let at = 0
    for (const cut of [...cuts, bytes.length]) {
      keys.push(...pieces.decode(bytes.subarray(at, at + cut)))
      at += cut
    }
    const flat = (all: Key[]): string => all.map((key) => (key.kind === 'text' ? key.text : key.kind === 'noise' ? '~'.repeat(key.bytes) : `<${key.kind}>`)).join('')
    return flat(keys) === flat(new KeyDecoder().decode(bytes))
  }))
  t.pass()
})

/** Bytes as people and bad lines send them: text, editing keys, and noise. */
const typed = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 30 }).map((text) => Buffer.from(text)) },
  { weight: 6, arbitrary: fc.constantFrom('\x1b[A', '\x1b[B', '\x1b[C', '\x1b[D', '\x1bOD', '\x01', '\x05', '\x0b', '\x15', '\x17', '\x12', '\x7f', '\x1b[3~', '\x04', '\x07', '\x02', '\x06').map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 200 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
), { maxLength: 60 })

void t.test('the terminal shows what the editor holds, after any keys', async (t) => {
  fc.assert(fc.property(typed, fc.array(fc.string({ maxLength: 120 }).map(toAscii), { maxLength: 5 }), (pieces, history) => {
    const editor = new LineEditor({ prompt: 'device> ', columns: 80, history })
    const terminal = new Vt100Row()
    const decoder = new KeyDecoder()
    terminal.accept(editor.paint())
    for (const piece of pieces) {
      for (const key of decoder.decode(piece)) editor.apply(key)
      terminal.accept(editor.paint())
      const { row, cursor } = editor.view()
      if (terminal.row !== row.trimEnd() || terminal.column !== cursor) return false
      if (editor.text.length > lineMax || editor.cursor > editor.text.length) return false
    }
    return true
  }), { numRuns: 300 })
  t.pass()
})

void t.test('a simple text field does the same, for keys whose meaning is plain', async (t) => {
  const plain = fc.array(fc.constantFrom('a', 'b c', 'left', 'right', 'home', 'end', 'backspace', 'delete', 'kill-end', 'kill-start'), { maxLength: 60 })
  fc.assert(fc.property(plain, (keys) => {
    const editor = new LineEditor({ prompt: '> ', columns: 80 })
    let [before, after] = ['', '']
    for (const key of keys) {
      editor.apply(key === 'a' || key === 'b c' ? { kind: 'text', text: key } : { kind: key as 'left' })
      if (key === 'a' || key === 'b c') before += key
      else if (key === 'left') [before, after] = [before.slice(0, -1), before.slice(-1) + after]
      else if (key === 'right') [before, after] = [before + after.slice(0, 1), after.slice(1)]
      else if (key === 'home') [before, after] = ['', before + after]
      else if (key === 'end') [before, after] = [before + after, '']
      else if (key === 'backspace') before = before.slice(0, -1)
      else if (key === 'delete') after = after.slice(1)
      else if (key === 'kill-end') after = ''
      else before = ''
    }
    return editor.text === before + after && editor.cursor === before.length
  }))
  t.pass()
})

void t.test('a key costs few bytes', async (t) => {
  const painter = new RowPainter()
  t.equal(painter.paint('> show', 6), '> show')
  t.equal(painter.paint('> show s', 8), ' s', 'typing at the end sends what was typed')
  t.equal(painter.paint('> show s', 7), '\b')
  t.equal(painter.paint('> show s', 8), 's', 'a step to the right prints what stands there')
  t.equal(painter.paint('> show ', 7), '\b \b', 'erasing the last letter takes three bytes')
  t.equal(painter.paint('> sxhow ', 4), '\b\b\b\bxhow \b\b\b\b')
  t.equal(painter.paint('> ', 2), '\b\b\u001b[K')
  t.equal(painter.paint('> ', 2), '', 'nothing new, nothing sent')
})

void t.test('a line of a megabyte is refused at its limit, with one bell', async (t) => {
  const editor = new LineEditor({ prompt: '> ', columns: 80 })
  const decoder = new KeyDecoder()
  let bells = 0
  for (let sent = 0; sent < 1_048_576; sent += 1_024) {
    for (const key of decoder.decode(new Uint8Array(1_024).fill(0x61))) if (editor.apply(key) === 'bell') bells++
  }
  t.equal(bells, 1)
  t.equal(editor.text.length, lineMax)
  t.ok(editor.overflowed, 'and it must not be carried out')
  editor.apply({ kind: 'kill-start' })
  t.equal(editor.text, '')
  t.notOk(editor.overflowed, 'the next line is as good as any')
})

void t.test('a secret is not shown, nor completed, nor found', async (t) => {
  const editor = new LineEditor({ prompt: 'secret: ', columns: 80, hidden: true, history: ['earlier'] })
  t.equal(editor.paint(), 'secret: ')
  for (const key of keysOf('hunter2 and more?')) t.equal(editor.apply(key), 'none')
  t.equal(editor.paint(), '')
  t.equal(editor.apply({ kind: 'tab' }), 'bell')
  t.equal(editor.apply({ kind: 'search' }), 'bell')
  t.equal(editor.text, 'hunter2 and more?')
})

void t.test('history: up and down, and what was begun is kept', async (t) => {
  const editor = new LineEditor({ prompt: '> ', columns: 80, history: ['show status', 'test camera'] })
  for (const key of keysOf('dra\x1b[A')) editor.apply(key)
  t.equal(editor.text, 'test camera')
  editor.apply({ kind: 'up' })
  t.equal(editor.text, 'show status')
  t.equal(editor.apply({ kind: 'up' }), 'bell')
  for (const key of keysOf('\x1b[B\x1b[B')) editor.apply(key)
  t.equal(editor.text, 'dra')
  t.equal(editor.apply({ kind: 'down' }), 'bell')
})

void t.test('Ctrl-R finds earlier lines', async (t) => {
  const history = ['show status', 'test camera', 'show camera']
  const search = (keys: string): LineEditor => {
    const editor = new LineEditor({ prompt: '> ', columns: 80, history })
    for (const key of keysOf(keys)) editor.apply(key)
    return editor
  }
  t.equal(search('\x12cam').text, 'show camera')
  t.equal(search('\x12cam').view().row, "search 'cam': show camera")
  t.equal(search('\x12cam\x12').text, 'test camera', 'again: an older one')
  t.equal(search('dr\x12cam\x07').text, 'dr', 'Ctrl-G gives up')
  t.equal(search('\x12cam\x05').view().row, '> show camera', 'any other key goes on with what was found')
})

void t.test('a lone question mark asks; within text or quotes it is text', async (t) => {
  const editor = new LineEditor({ prompt: '> ', columns: 80 })
  editor.apply({ kind: 'text', text: 'show ' })
  t.equal(editor.apply({ kind: 'text', text: '?' }), 'help')
  t.equal(editor.apply({ kind: 'text', text: '"what' }), 'none')
  t.equal(editor.apply({ kind: 'text', text: '?' }), 'none')
  t.equal(editor.text, 'show "what?')
})

void t.test('only printable ASCII reaches a terminal', async (t) => {
  t.equal(toAscii('Cửa khẩu Bắc Luân – Đông Hưng 东兴 20 °C'), 'Cua khau Bac Luan - Dong Hung ?? 20 degC')
  t.equal(toAscii('cam\u001b]0;root\u0007\u009b2J\r\n'), 'cam ]0;root  2J  ')
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^[ -~]*$/.test(toAscii(text))))
})

void t.test('rows that are too long go on below their last column, and no word breaks', async (t) => {
  const [heading = '', row = ''] = table(['component', 'figure', 'check'], [['exitFlap', withUnit('21.5', 'Cel'), 'own limit: How long the turnstile itself keeps a passage open.']])
  t.equal(heading, 'component  figure     check')
  t.strictSame(wrapped(row, 60), ['exitFlap   21.5 degC  own limit: How long the turnstile', `${' '.repeat(22)}itself keeps a passage open.`])
  t.strictSame(wrapped('% The port is used by another program.', 24), ['% The port is used by', '  another program.'])
  t.strictSame(wrapped('12  command  {"component":"camera","outcome":"done"}', 40), ['12  command  {"component":"camera",', '             "outcome":"done"}'], 'what fits on no line breaks behind a comma')
  t.strictSame(wrapped('x'.repeat(25), 20), ['x'.repeat(20), `  ${'x'.repeat(5)}`])
  t.strictSame([wrapped('', 20), wrapped(' '.repeat(50), 20)], [[''], ['']])
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '{', ',', '.'), minLength: 1, maxLength: 60 })
  const text = fc.tuple(fc.nat(4), fc.array(fc.tuple(word, fc.integer({ min: 1, max: 30 })), { maxLength: 20 }))
  fc.assert(fc.property(text, fc.integer({ min: 20, max: 100 }), ([lead, pieces], width) => {
    const given = ' '.repeat(lead) + pieces.map(([each, gap]) => each + ' '.repeat(gap)).join('')
    const lines = wrapped(given, width)
    const words = (rows: string): string[] => rows.split(/\s+/).filter((each) => each !== '')
    const whole = pieces.every(([each]) => each.length <= width - 6)
    return lines.every((line) => line.length <= width)
      && words(lines.join('\n')).join('') === words(given).join('')
      && (!whole || words(lines.join('\n')).length === pieces.length)
  }))
})

void t.test('units as people read them', async (t) => {
  t.strictSame(valueRows('rate', 15.3, '1/s').concat(valueRows('count', 3, '1'), valueRows('unknown', null, 'Cel')).map((row) => row.replace(/ {2,}/, ' ')), ['rate 15.3 /s', 'count 3', 'unknown -'])
  t.strictSame(['Cel', 'deg', 'm/s', '%', 'By', 'us', 'Ohm', '{pixel}'].map((unit) => toAscii(withUnit('1', unit))), ['1 degC', '1 deg', '1 m/s', '1 %', '1 B', '1 us', '1 Ohm', '1'])
})
