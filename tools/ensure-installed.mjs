#!/usr/bin/env node
// Installs the dependencies if the tree in node_modules does not match package-lock.json; instant otherwise.
// Plain JavaScript: it runs under whatever Node the machine has (≥ 20.19), before anything is installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MIN_NODE = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1])) {
  console.error(
    `tenfold: expected Node ${MIN_NODE.join('.')} or newer, got ${process.versions.node}. Install a newer Node. TF-ENV-001`,
  );
  process.exit(4);
}

const missing = findFirstMissingPackage();
if (missing !== undefined) {
  console.error(`tenfold: installing dependencies (${missing}) …`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const install = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (install.status !== 0) {
    console.error(
      'tenfold: expected `npm ci` to succeed. Check the network and the npm registry settings, then run it again. TF-ENV-002',
    );
    process.exit(4);
  }
}

/** @returns a reason to install, or undefined if every package of the lock file is there in its version */
function findFirstMissingPackage() {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    return 'nothing is installed yet';
  }
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.includes('node_modules/') || entry.optional || entry.devOptional || entry.peer) continue;
    const found = installed[path];
    if (!found) return `${path.slice(path.lastIndexOf('node_modules/') + 13)} is missing`;
    if (found.version !== entry.version)
      return `${path.slice(path.lastIndexOf('node_modules/') + 13)} is ${found.version}, not ${entry.version}`;
  }
  return undefined;
}
