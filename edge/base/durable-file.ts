/** Small files that must be whole after a power cut: the old content or the new, never half of it. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces a file; resolves once the new content would survive a power cut. Only the owner may read it. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const written = `${path}.new`
  const file = await open(written, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(written, path)
  await syncFolder(dirname(path))
}

/** Makes what was renamed in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
