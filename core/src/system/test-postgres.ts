/** A PostgreSQL server of one's own in a folder of its own, gone afterwards; or the one that TENFOLD_POSTGRES_URL names. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const START_TRIES = 100;

export type ServerOrReason = { readonly url: string; stop(): Promise<void> } | { readonly reason: string };

/** Starts a server that `stop` ends and removes; with TENFOLD_POSTGRES_URL it returns that address and starts none.
 *  @returns the address, or the reason in one sentence why there is no server */
export async function startPostgres(): Promise<ServerOrReason> {
  const given = process.env['TENFOLD_POSTGRES_URL'];
  if (given) return { url: given, stop: async () => {} };
  const [initdb, postgres] = [programNamed('initdb'), programNamed('postgres')];
  if (!initdb || !postgres)
    return {
      reason: 'no PostgreSQL here: install it (Debian: apt-get install postgresql) or set TENFOLD_POSTGRES_URL',
    };
  const owner = ownerOfServer();
  if (owner === 'none') return { reason: 'PostgreSQL refuses to run as root and there is no user "postgres"' };
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-pg-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const made = spawnSync(initdb, ['-D', data, '-U', 'tenfold', '--auth=trust', '-E', 'UTF8', '--locale=C', '-N'], {
    ...owner,
    cwd: folder,
    encoding: 'utf8',
  });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true });
    return { reason: `initdb failed: ${made.stderr.split('\n')[0]}` };
  }
  const port = await freePort();
  const server = spawn(
    postgres,
    [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${folder}`,
      '-c',
      'fsync=off',
    ],
    { ...owner, cwd: folder, stdio: 'ignore' },
  );
  const { default: pg } = await import('pg');
  const url = `postgres://tenfold@127.0.0.1:${port}/postgres`;
  const stop = async () => {
    await end(server);
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < START_TRIES; tries++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return { url, stop };
    } catch {
      await sleep(100);
    }
  }
  await stop();
  return { reason: 'the PostgreSQL server did not answer within ten seconds' };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = once(server, 'exit');
  // SIGINT is the fast shutdown: open sessions are closed
  server.kill('SIGINT');
  await ended;
}

function programNamed(name: string): string | undefined {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER).toSorted().toReversed() : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN_FOLDER, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Root may not run the server: it runs as the user that the package made. */
function ownerOfServer(): { readonly uid: number; readonly gid: number } | undefined | 'none' {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8').match(/^postgres:[^:]*:(\d+):(\d+):/m);
  return line ? { uid: Number(line[1]), gid: Number(line[2]) } : 'none';
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
