/** A Python that has torch with Gloo, if there is one. */
import { spawnSync } from 'node:child_process';

const CANDIDATES = [process.env['TENFOLD_PYTHON'] ?? '', 'python3', '/usr/bin/python3'];

export function findTorchPython(): string | undefined {
  return CANDIDATES.find((python) => {
    if (python === '') return false;
    const code = 'import torch.distributed as d; raise SystemExit(0 if d.is_available() else 1)';
    return spawnSync(python, ['-c', code], { timeout: 60_000 }).status === 0;
  });
}
