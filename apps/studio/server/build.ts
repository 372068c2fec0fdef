/** Builds the pages when a source is newer than the last build. Sources are compared by content, not by time. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { makeFolder } from '@tenfold/core/base';
import { studioError } from './studio-errors.ts';

/** Where the built pages lie. */
export const WEB_FOLDER = new URL('../web/dist/', import.meta.url);

const PAGE_SOURCES = new URL('../web/src/', import.meta.url);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STAMP_FILE = 'build-stamp.txt';
const SOURCE_FILE = /\.(tsx?|jsx?|css|html|svg|json)$/;
const COMPRESSED_FILE = /\.(js|css|html|svg|json)$/;
const MIN_COMPRESSED_BYTES = 1024;
const ROOM_ENTRY = /\/systems\/([^/]+)\/web\/index\.tsx$/;
const ROOM_FILE = /systems\/([^/\s]+)\/(?:web|src)\//;

export interface BuildReport {
  readonly built: boolean;
  readonly elapsedMs: number;
  /** Rooms whose page does not build; their place shows the bundler's message. */
  readonly brokenRooms: readonly string[];
}

/** Builds the pages if their sources changed. @throws TF-STUDIO-007 with the bundler's message */
export async function buildWebIfStale(options: { readonly force?: boolean } = {}): Promise<BuildReport> {
  const startMs = performance.now();
  // An installed package has the built pages and no sources.
  if (!existsSync(PAGE_SOURCES)) return { built: false, elapsedMs: performance.now() - startMs, brokenRooms: [] };
  const stamp = hashOfSources();
  const folder = fileURLToPath(WEB_FOLDER);
  const stampPath = join(folder, STAMP_FILE);
  const isFresh = existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp;
  if (isFresh && !options.force) return { built: false, elapsedMs: performance.now() - startMs, brokenRooms: [] };
  const temporary = `${folder.replace(/[/\\]$/, '')}-${process.pid}`;
  const broken = new Map<string, string>();
  try {
    await bundle(temporary, broken);
    compressFiles(temporary);
    if (broken.size === 0) writeFileSync(join(temporary, STAMP_FILE), stamp); // else the next start tries again
    rmSync(folder, { recursive: true, force: true });
    makeFolder(join(folder, '..'));
    renameSync(temporary, folder);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    throw studioError('TF-STUDIO-007', {
      subject: 'buildWebIfStale',
      expected: 'the pages to build',
      actual: plainMessage(cause),
      cause,
    });
  }
  return { built: true, elapsedMs: performance.now() - startMs, brokenRooms: [...broken.keys()] };
}

/** Bundles the pages. A room whose page does not build is left out and tried without, so that it takes no other down.
 *  Mutates: broken (room → message). */
async function bundle(outDir: string, broken: Map<string, string>): Promise<void> {
  const { build } = await import('vite');
  const { default: react } = await import('@vitejs/plugin-react');
  const standIn = {
    name: 'tenfold-broken-rooms',
    enforce: 'pre' as const,
    load(id: string) {
      const message = broken.get(ROOM_ENTRY.exec(id)?.[1] ?? '');
      return message === undefined
        ? undefined
        : `export default function Broken() { throw new Error(${JSON.stringify(message)}); }`;
    },
  };
  for (;;) {
    try {
      await build({
        configFile: false,
        root: fileURLToPath(new URL('../web/', import.meta.url)),
        logLevel: 'silent',
        plugins: [standIn, react()],
        build: {
          outDir,
          emptyOutDir: true,
          target: 'es2023',
          reportCompressedSize: false,
          chunkSizeWarningLimit: 2000,
        },
      });
      return;
    } catch (error) {
      const message = plainMessage(error);
      const room = ROOM_FILE.exec(message)?.[1];
      if (room === undefined || broken.has(room)) throw error;
      broken.set(room, message);
    }
  }
}

/** The bundler's message in one line: without colours, frames, the picture of the source and the stack. */
function plainMessage(error: unknown): string {
  const text = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^\s*╭─\[\s*(.*?)\s*\]\s*$/, '($1)')) // the place: file, line, column
    .filter((line) => /\S/.test(line) && !/^\s*(\d+\s*)?[│╰─]/.test(line) && !/^\s+at /.test(line));
  return lines.slice(0, 6).join(' ').replaceAll(ROOT, '').slice(0, 800);
}

/** Files beside the originals with the ends .br and .gz. Quality 9 of 11: a tenth of the time, 2 % more bytes. */
function compressFiles(folder: string): void {
  for (const path of filesBelow(folder)) {
    if (!COMPRESSED_FILE.test(path)) continue;
    const bytes = readFileSync(path);
    if (bytes.length < MIN_COMPRESSED_BYTES) continue;
    writeFileSync(`${path}.gz`, gzipSync(bytes));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
  }
}

/** Everything that can reach the bundle: our pages, ui, what core and rooms offer to pages, and the lock file. */
function hashOfSources(): string {
  const systems = join(ROOT, 'systems');
  const rooms = existsSync(systems) ? readdirSync(systems).filter((name) => !name.startsWith('_')) : [];
  const folders = [
    'apps/studio/web',
    'ui/src',
    'core/src/base',
    'core/src/report',
    'core/src/schedule',
    ...rooms.flatMap((room) => [`systems/${room}/web`, `systems/${room}/src`]),
  ];
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const path of filesBelow(join(ROOT, folder))) {
      if (SOURCE_FILE.test(path))
        hash.update(relative(ROOT, path)).update('\0').update(readFileSync(path)).update('\0');
    }
  }
  for (const file of ['package-lock.json', 'apps/studio/server/build.ts']) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !/^(dist|node_modules|fixtures)/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}
