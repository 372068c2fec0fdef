/** A Python with torch, if the machine has one. */
import { spawnSync } from 'node:child_process';

export function findTorchPython(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
  );
}
