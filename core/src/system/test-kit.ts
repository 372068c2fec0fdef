/** Test kit of rooms: a context that records, and the tour run as a user would run it. */
import assert from 'node:assert/strict';
import type { Diagnostic } from '../base/index.ts';
import type { RunProgress } from '../store/index.ts';
import { createVerbContext, type VerbContextOptions } from './context.ts';
import { findDataFolder } from './data-folder.ts';
import { runVerb, type VerbOutcome } from './run-verb.ts';
import type { SystemManifest, VerbContext } from './types.ts';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export { startPostgres, type ServerOrReason } from './test-postgres.ts';

export { assertManifest } from './check-manifest.ts';

export interface TestContext extends VerbContext {
  /** What the verb reported, in order. */
  readonly recorded: {
    readonly progress: RunProgress[];
    readonly metrics: { readonly name: string; readonly step: number; readonly value: number }[];
    readonly warnings: Diagnostic[];
  };
}

/** A context for tests: seed 0, the real data folder if there is one, a shared cache folder. */
export function createTestContext(options: Partial<VerbContextOptions> = {}): TestContext {
  const recorded: TestContext['recorded'] = { progress: [], metrics: [], warnings: [] };
  const context = createVerbContext({
    ...testFolders(),
    ...options,
    onProgress: (update) => void recorded.progress.push(update),
    onMetric: (name, step, value) => void recorded.metrics.push({ name, step, value }),
    onWarning: (diagnostic) => void recorded.warnings.push(diagnostic),
  });
  return { ...context, recorded };
}

/** Runs a verb as the command line does and asserts that it did not fail.
 *  @returns the outcome; its status is `done` or `problems` */
export async function runVerbInTest(
  manifest: SystemManifest,
  verbName: string,
  params: Readonly<Record<string, unknown>>,
  options: Partial<VerbContextOptions> = {},
): Promise<VerbOutcome> {
  const outcome = await runVerb(manifest, verbName, params, { ...testFolders(), ...options });
  if (outcome.error) throw outcome.error;
  return outcome;
}

/** Runs the tour of a room and asserts that it is done, says a verdict and shows figures. */
export async function runTour(
  manifest: SystemManifest,
  options: Partial<VerbContextOptions> = {},
): Promise<VerbOutcome> {
  const outcome = await runVerbInTest(manifest, manifest.tour, {}, options);
  assert.equal(outcome.status, 'done', `the tour of ${manifest.id} found problems: ${outcome.report?.verdict.text}`);
  const figures = outcome.report!.blocks.flatMap((block) => (block.kind === 'figures' ? block.figures : []));
  assert.ok(figures.length >= 2, `the tour of ${manifest.id} reports two or three figures`);
  return outcome;
}

function testFolders(): Pick<VerbContextOptions, 'dataFolder' | 'cacheFolder' | 'workingFolder'> {
  return {
    dataFolder: findDataFolder(),
    cacheFolder: join(tmpdir(), 'tenfold-test-cache'),
    workingFolder: process.cwd(),
  };
}
