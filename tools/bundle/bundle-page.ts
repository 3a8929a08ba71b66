/**
 * Bundles a page into a folder that the device serves as it is: `index.html`, one script, one style
 * sheet, the icon, and `build.json` that names the bundle.
 *
 *     node tools/bundle/bundle-page.ts               # all pages: build/screen, build/lidar-view, build/technician
 *     node tools/bundle/bundle-page.ts <folder>      # the traveller's page alone
 *
 * The same sources give the same bytes. File names carry the hash of what is in them.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../..')
const iconFile = join(root, 'edge/screen/page/icon.svg')

/** The pages: where their sources are, and which script is the first. */
export const pages = {
  screen: { says: "The traveller's page", sources: join(root, 'edge/screen/page'), entry: 'screen.ts' },
  'lidar-view': { says: 'The lidar view', sources: join(root, 'edge/screen/lidar/page'), entry: 'view.ts' },
  technician: { says: "The technician's page", sources: join(root, 'edge/screen/technician/page'), entry: 'page.ts' },
} as const
export type PageName = keyof typeof pages

/** Bundles a page into `folder`, which is emptied first; resolves with the bundle's name. */
export async function bundlePage(folder: string, page: PageName = 'screen'): Promise<string> {
  const { sources, entry } = pages[page]
  const [script, style] = await Promise.all([compiled(join(sources, entry)), compiled(join(sources, 'page.css'))])
  const [template, icon] = await Promise.all([readFile(join(sources, 'index.html'), 'utf8'), readFile(iconFile, 'utf8')])
  const [scriptName, styleName, iconName] = [`page.${hash(script)}.js`, `page.${hash(style)}.css`, `icon.${hash(icon)}.svg`]
  const name = hash(template, script, style, icon)
  const index = fill(template, { BUILD: name, SCRIPT: scriptName, STYLE: styleName, ICON: iconName })
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const identity = `${JSON.stringify({ build: name })}\n`
  const files = { 'index.html': index, [scriptName]: script, [styleName]: style, [iconName]: icon, 'build.json': identity }
  await Promise.all(Object.entries(files).map(([file, content]) => writeFile(join(folder, file), content)))
  return name
}

/** Puts each value in the place of its `%NAME%`. */
function fill(template: string, values: Record<string, string>): string {
  return template.replaceAll(/%([A-Z]+)%/g, (place, name: string) => values[name] ?? place)
}

async function compiled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['chrome114', 'firefox128', 'safari17.4'],
    legalComments: 'none',
    logLevel: 'warning',
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error(`esbuild made nothing of ${entry}.`)
  return output.text
}

function hash(...contents: string[]): string {
  const digest = createHash('sha256')
  for (const content of contents) digest.update(content).update('\0')
  return digest.digest('hex').slice(0, 16)
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  // With a folder, the traveller's page alone.
  const wanted = folder === undefined ? (Object.keys(pages) as PageName[]).map((page) => ({ page, folder: join(root, 'build', page) })) : [{ page: 'screen' as const, folder: resolve(folder) }]
  for (const { page, folder } of wanted) {
    process.stdout.write(`${pages[page].says}, build ${await bundlePage(folder, page)}, is in ${folder}.\n`)
  }
}
