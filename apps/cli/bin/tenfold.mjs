#!/usr/bin/env node
// Launcher in plain JavaScript: runs with the caller's Node when that is new enough to read TypeScript,
// and otherwise starts itself again under the Node that the repository pins.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const MIN_MAJOR = 24;
const ENVIRONMENT_EXIT_CODE = 4;

if (Number(process.versions.node.split('.')[0]) >= MIN_MAJOR) {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  await import('../src/start.ts');
} else {
  const pinned = findPinnedNode();
  if (pinned === undefined) {
    process.stderr.write(
      `tenfold: Node ${MIN_MAJOR} or newer is needed, got ${process.versions.node}. Run "npm install" in the repository, which brings it; beside an installed tenfold "npm install node@${MIN_MAJOR}". TF-CLI-001\n`,
    );
    process.exitCode = ENVIRONMENT_EXIT_CODE;
  } else {
    await runUnder(pinned);
  }
}

function findPinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Runs the same command line under another Node; signals go through, and its exit code becomes ours. */
async function runUnder(node) {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(node, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group; passing it on would count it twice.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
