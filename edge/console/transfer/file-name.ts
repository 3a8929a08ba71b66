/** Names for files that come from outside. */

const lengthMax = 96
/** What a name is made of here: everything else could mean something to a shell, a terminal or a file system. */
const foreign = /[^A-Za-z0-9._+=@,()-]+/g

/** A name without path, control character or leading dot; never empty, never special. Two names may become one. */
export function safeName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  const plain = last.replaceAll(foreign, '_').replace(/^[._-]+/, '')
  if (plain === '') return 'unnamed'
  if (plain.length <= lengthMax) return plain
  const ending = /\.[^.]{1,8}$/.exec(plain)?.[0] ?? ''
  return plain.slice(0, lengthMax - ending.length) + ending
}

/** The name, or the first of `name.2`, `name.3` ... that is not taken. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name
  const ending = /(\.tar)?\.[^.]{1,8}$/.exec(name)?.[0] ?? ''
  const stem = name.slice(0, name.length - ending.length)
  for (let number = 2; ; number++) {
    const candidate = `${stem}.${number}${ending}`
    if (!isTaken(candidate)) return candidate
  }
}
