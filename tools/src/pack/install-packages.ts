/** Installs tarballs into an empty folder, as a user does. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tarball } from './pack-all.ts';

/** What npm tries to fetch beyond the registry by default is left out: none of our code uses the CUDA provider. */
const INSTALL_ENVIRONMENT = { ONNXRUNTIME_NODE_INSTALL: 'skip' };
const MAX_ERROR_TEXT = 2000;

/** @throws Error with the end of npm's words if it fails */
export function installPackages(tarballs: readonly Tarball[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const outcome = spawnSync(
    npm,
    ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs.map(({ path }) => path)],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, ...INSTALL_ENVIRONMENT } },
  );
  if (outcome.status !== 0)
    throw new Error(
      `pack: expected npm install to succeed, got status ${outcome.status}\n${outcome.stderr.slice(-MAX_ERROR_TEXT)}`,
    );
}

/** Whether npm reaches its registry. */
export function isRegistryReachable(): boolean {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ping', '--fetch-retries=0', '--fetch-timeout=15000'];
  return spawnSync(npm, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
}
