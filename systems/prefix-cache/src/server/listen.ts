/** A listening HTTP server, or a clear word why there is none. */
import { serve } from '@hono/node-server';
import { prefixError } from '../prefix-errors.ts';

const LOCAL_HOSTS = new Set(['127.0.0.1', 'localhost', '::1']);

/** @throws TF-PREFIX-011 if others could reach the server and it asks for no key */
export function assertGuarded(
  { host, apiKey }: { readonly host: string; readonly apiKey: string },
  subject = 'serve',
): void {
  if (LOCAL_HOSTS.has(host) || apiKey !== '') return;
  throw prefixError('TF-PREFIX-011', {
    subject,
    expected: 'an --api-key when others can reach the server',
    actual: `host ${host} and no key`,
  });
}

/** `http://[::1]:8000`: an IPv6 address stands in brackets. */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** @throws TF-PREFIX-010 if the address cannot be listened on */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable> {
  const server = serve({ fetch, hostname: host, port });
  await new Promise<void>((ready, fail) => {
    server.once('listening', ready);
    server.once('error', (cause: NodeJS.ErrnoException) =>
      fail(
        prefixError('TF-PREFIX-010', {
          subject: 'listen',
          expected: `to listen on ${addressOf({ host, port })}`,
          actual: cause.code ?? cause.message,
          hints: LOCAL_HOSTS.has(host) ? ['Choose another --port.'] : ['Check --host, or choose another --port.'],
          cause,
        }),
      ),
    );
  });
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
