/** The built pages: read from a fixed list of files, so that no address can name another one.
 *  Files with a hash in their name are kept by browsers for a year; the page itself is asked for each time. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { MiddlewareHandler } from 'hono';
import { studioError } from './studio-errors.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

const PAGE_POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the folder; unknown paths without an extension get the page, which shows its own "not found". */
export function serveWebFiles(folder: string): MiddlewareHandler {
  const files = new Map<string, string>(
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .map((path) => [`/${relative(folder, path).split(sep).join('/')}`, path] as const)
      : [],
  );
  return async (context) => {
    if (files.size === 0) {
      throw studioError('TF-STUDIO-007', {
        subject: 'studio',
        expected: 'its pages to be built',
        actual: 'no built pages',
        hints: ['Start it with: npm start.'],
      });
    }
    const path = context.req.path;
    const name = files.has(path) && path !== '/index.html' ? path : extname(path) === '' ? '/index.html' : undefined;
    const file = name === undefined ? undefined : files.get(name);
    if (name === undefined || file === undefined) return context.notFound();
    const encoding = preferredEncoding(context.req.header('accept-encoding') ?? '', (end) => files.has(name + end));
    const bytes = readFileSync(encoding === undefined ? file : file + ENCODING_ENDS[encoding]);
    const isHashed = name.startsWith('/assets/');
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const headers: Record<string, string> = {
      'content-type': MEDIA_TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      etag,
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      ...(name === '/index.html' ? { 'content-security-policy': PAGE_POLICY } : {}),
    };
    if (context.req.header('if-none-match') === etag) return context.body(null, 304, headers);
    return context.body(bytes, 200, headers);
  };
}

const ENCODING_ENDS = { br: '.br', gzip: '.gz' } as const;

function preferredEncoding(accepted: string, has: (end: string) => boolean): 'br' | 'gzip' | undefined {
  for (const encoding of ['br', 'gzip'] as const)
    if (new RegExp(`\\b${encoding}\\b`).test(accepted) && has(ENCODING_ENDS[encoding])) return encoding;
  return undefined;
}
