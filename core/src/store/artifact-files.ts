/** Artifacts on disk: one folder a run, files written to a temporary name and then renamed. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../base/index.ts';
import { storeError } from './store-errors.ts';

const ARTIFACT_FOLDER = 'artifacts';
const NAME_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;
const MAX_NAME_LENGTH = 200;

/** Path of an artifact. @throws TF-STORE-006 if the name could leave the run's folder */
export function artifactPath(home: string, runId: string, name: string): string {
  if (!NAME_PATTERN.test(name) || name.length > MAX_NAME_LENGTH) {
    throw storeError('TF-STORE-006', {
      subject: 'artifactPath',
      expected: 'a plain relative name such as "figures/loss.svg"',
      actual: JSON.stringify(name),
    });
  }
  return join(home, ARTIFACT_FOLDER, runId, name);
}

export function writeArtifactFile(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.part`;
  makeFolder(dirname(path));
  try {
    writeFileSync(temporary, bytes, { flush: true });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause;
  }
}

export function readArtifactFile(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return undefined;
    throw cause;
  }
}

export function deleteArtifactFolder(home: string, runId: string): void {
  rmSync(join(home, ARTIFACT_FOLDER, runId), { recursive: true, force: true });
}
