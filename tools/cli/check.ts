/** `portcullis check`: says everything that is wrong with profiles, with line and column. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import { checkProfile, readProfile } from '../../profiles/load.ts'

export function command(): Command {
  return new Command('check')
    .description('Checks profiles against their schema, their drivers and each other.')
    .argument('<file...>', 'profiles, or folders that hold some')
    .option('--json', 'one JSON object a line for each mistake')
    .addHelpText('after', '\nExample:\n  portcullis check profiles/egate.yaml')
    .action(async (paths: string[], options: { json?: boolean }) => {
      let count = 0
      for (const file of paths.flatMap(profilesIn)) {
        const { mistakes } = await checkProfile(await readProfile(file))
        count += mistakes.length
        for (const { line, column, says } of mistakes) {
          process.stdout.write(options.json === true ? `${JSON.stringify({ file, line, column, says })}\n` : `${file}:${line}:${column}: ${says}\n`)
        }
        if (mistakes.length === 0 && options.json !== true) process.stdout.write(`${file}: good\n`)
      }
      process.exitCode = count === 0 ? 0 : 1
    })
}

function profilesIn(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new UsageError('PC-CLI-FILE', `There is no file or folder ${path}.`)
  return found.isDirectory() ? readdirSync(path).filter((file) => file.endsWith('.yaml')).map((file) => join(path, file)) : [path]
}
