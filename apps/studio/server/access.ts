/** Who may talk to the server. On this machine alone: requests under a loopback name and of no other site.
 *  Beyond it: a token in the address (once), then in a cookie that scripts cannot read. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { studioError } from './studio-errors.ts';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);
const COOKIE_NAME = 'tenfold_token';
const SECONDS_OF_A_MONTH = 30 * 24 * 3600;

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** 128 random bits as hexadecimal digits. */
export function createToken(): string {
  return randomBytes(16).toString('hex');
}

/** Refuses other sites and rebound host names (TF-STUDIO-001) and, with a token, strangers (TF-STUDIO-002).
 *  @param options.host  what the server is bound to
 *  @param options.token  demanded if given */
export function guardAccess(options: { readonly host: string; readonly token: string | undefined }): MiddlewareHandler {
  const onlyLoopback = isLoopback(options.host);
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    if (onlyLoopback && !isLoopback(host.replace(/:\d+$/, ''))) {
      throw studioError('TF-STUDIO-001', {
        subject: 'studio',
        expected: 'a request for localhost',
        actual: `host "${host.slice(0, 80)}"`,
        hints: ['Open the studio at the address it printed.'],
      });
    }
    const origin = context.req.header('origin');
    const isForeign = origin !== undefined && hostOfOrigin(origin) !== host;
    const site = context.req.header('sec-fetch-site');
    const isCrossSite = site === 'cross-site' && context.req.header('sec-fetch-mode') !== 'navigate';
    if (isForeign || isCrossSite) {
      throw studioError('TF-STUDIO-001', {
        subject: 'studio',
        expected: 'requests of its own pages only',
        actual: origin === undefined ? 'one of another site' : `origin "${origin.slice(0, 80)}"`,
      });
    }
    if (options.token !== undefined) {
      const offered = context.req.query('token');
      if (offered !== undefined && isSame(offered, options.token) && context.req.method === 'GET') {
        setCookie(context, COOKIE_NAME, options.token, {
          httpOnly: true,
          sameSite: 'Strict',
          path: '/',
          maxAge: SECONDS_OF_A_MONTH,
        });
        const url = new URL(context.req.url);
        url.searchParams.delete('token');
        return context.redirect(`${url.pathname}${url.search}`);
      }
      const bearer = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1];
      if (!isSame(bearer ?? getCookie(context, COOKIE_NAME) ?? '', options.token)) {
        throw studioError('TF-STUDIO-002', {
          subject: 'studio',
          expected: 'the token that was printed at its start',
          actual: 'none or a wrong one',
          hints: ['Open the whole address that the studio printed, with ?token=….'],
        });
      }
    }
    await next();
  };
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined; // "null" of sandboxed pages has none
}

function isSame(offered: string, token: string): boolean {
  const [a, b] = [Buffer.from(offered), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
