/** Where a command writes, and what it leaves behind: passed in, so that commands can be tested without a process. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** True when a person watches standard error. */
  watched: boolean
  /** Aborts on Ctrl-C. */
  signal(): AbortSignal
  exitCode(code: 0 | 1): void
}

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  watched: process.stderr.isTTY,
  signal: () => {
    const abort = new AbortController()
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort())
    return abort.signal
  },
  exitCode: (code) => {
    process.exitCode = code
  },
}
