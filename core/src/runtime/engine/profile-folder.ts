/** A folder of its own for the engine's trace files, removed with the session. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpTiming } from '../types.ts';
import { timingsFromTrace } from './op-timings.ts';

export interface ProfileFolder {
  /** What the engine takes as prefix of its trace files. */
  readonly prefix: string;
  /** Reads and removes the finished traces. */
  takeTimings(): OpTiming[];
  remove(): void;
}

export function createProfileFolder(): ProfileFolder {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-profile-'));
  return {
    prefix: join(folder, 'trace'),
    takeTimings() {
      const timings: OpTiming[] = [];
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        timings.push(...timingsFromTrace(readFileSync(path, 'utf8')));
        rmSync(path);
      }
      return timings;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
