/** A Python with torch, if the machine has one; `TENFOLD_PYTHON` names another. */
import { spawnSync } from 'node:child_process';

export function findTorchPython(): string | undefined {
  return [process.env.TENFOLD_PYTHON, '/usr/bin/python3', 'python3'].find(
    (python) => python !== undefined && spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
  );
}

/** Major and minor version of its torch. */
export function torchVersion(python: string): readonly [number, number] {
  const { stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  const [major, minor] = stdout.split('.').map(Number);
  return [major, minor];
}
