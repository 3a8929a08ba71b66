import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { bundlePage } from './bundle-page.ts'

async function contents(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder)).toSorted((a, b) => a.localeCompare(b))
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const)))
}

void t.test('the same sources give the same bundle, complete and on its own', async (t) => {
  const [first, second] = [join(t.testdir(), 'first'), join(t.testdirName, 'second')]
  const name = await bundlePage(first)
  await bundlePage(second)
  await writeFile(join(second, 'left-over.js'), '')
  t.equal(await bundlePage(second), name)
  const files = await contents(first)
  t.strictSame(await contents(second), files, 'byte for byte, and nothing of an older one is left')
  t.strictSame(JSON.parse(files['build.json'] ?? ''), { build: name })

  const index = files['index.html'] ?? ''
  t.match(index, `data-build="${name}"`)
  const linked = [...index.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, file]) => file ?? '')
  t.equal(linked.length, 3)
  for (const file of linked) t.ok(files[file] !== undefined, `${file} is in the bundle`)
  t.notMatch(index, /%[A-Z]+%|<style|style=|<script>/, 'every place is filled and nothing is inlined')
  const links = Object.values(files).flatMap((text) => text.match(/https?:\/\/[\w./-]+/g) ?? [])
  t.strictSame(links.filter((link) => !link.startsWith('http://www.w3.org/')), [], 'nothing is fetched from elsewhere')
  const script = linked.find((file) => file.endsWith('.js')) ?? ''
  t.ok((await stat(join(first, script))).size < 100_000, 'it stays small')
})
