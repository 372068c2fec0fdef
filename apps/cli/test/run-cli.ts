/** Runs the command line as a shell would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const LAUNCHER = fileURLToPath(new URL('../bin/tenfold.mjs', import.meta.url));

export interface CliOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tenfold-cli-'));

const sharedHome = newFolder();

export function spawnCli(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): ChildProcess {
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
  return spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: options.cwd ?? sharedHome,
    env: { ...inherited, TENFOLD_HOME: join(sharedHome, 'home'), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs to the end. */
export function runCli(args: readonly string[], options: Parameters<typeof spawnCli>[1] = {}): Promise<CliOutput> {
  return outputOf(spawnCli(args, options));
}

export function outputOf(child: ChildProcess): Promise<CliOutput> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (text: Buffer) => void (stdout += text.toString()));
  child.stderr!.on('data', (text: Buffer) => void (stderr += text.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}
