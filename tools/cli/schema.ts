/** `portcullis schema`: the JSON Schema of profiles, with every driver's options. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { profileSchema, schemaFile } from '../../profiles/json-schema.ts'
import { root } from '../house/sources.ts'

export function command(): Command {
  return new Command('schema')
    .description(`Writes ${schemaFile}, which editors use to complete and check profiles.`)
    .option('--check', 'only say whether it is up to date')
    .addHelpText('after', '\nExample:\n  portcullis schema --check')
    .action(async (options: { check?: boolean }) => {
      const file = join(root, schemaFile)
      const wanted = await profileSchema()
      if (options.check !== true) writeFileSync(file, wanted)
      else if (readFileSync(file, 'utf8') !== wanted) {
        process.stderr.write(`${schemaFile} is out of date: run portcullis schema\n`)
        process.exitCode = 1
      }
    })
}
