/** adapt: a network for the labelled samples, taught the unlabelled domain round by round. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { writeOutputFiles } from '@tenfold/core/system';
import { adapt, adaptJson } from '../adaptation.ts';
import type { AdaptationInput } from '../adaptation.ts';
import { trainSource } from '../engine/train-source.ts';
import { readSamplePair } from '../inputs/sample-pair.ts';
import { checkpointFile, fingerprintOf, readCheckpoint, runFiles } from '../outputs/run-files.ts';
import { NOT_MEASURED } from '../not-measured.ts';
import { numberOfRounds, percent, reportAdaptation } from '../report.ts';
import { selfTrainError } from '../self-train-errors.ts';
import { heldOutWarnings } from './held-out-warning.ts';
import { optionsFrom, pairParamsOf } from './run-params.ts';
import type { RunParams } from './run-params.ts';

export interface AdaptParams extends RunParams {
  readonly out: string;
  readonly resume: boolean;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: AdaptParams, context: VerbContext): Promise<VerbResult> {
  const { seed, signal } = context;
  if (params.resume && params.out === '') {
    throw selfTrainError('TF-SELF-009', {
      subject: 'self-train adapt',
      expected: '--out with --resume',
      actual: 'none',
    });
  }
  const folder = params.out === '' ? undefined : resolve(context.workingFolder, params.out);
  // A run of minutes must not find out at its end that its files may not be written.
  const isTaken = folder !== undefined && existsSync(join(folder, 'model.json'));
  if (isTaken && !params.force)
    writeOutputFiles([{ path: join(folder, 'model.json'), bytes: '' }], {
      subject: 'self-train adapt',
      context,
      dryRun: true,
      force: false,
    });
  const pair = await readSamplePair(pairParamsOf(params), context);
  for (const warning of pair.warnings) context.warn(warning);
  const options = optionsFrom(params, seed);
  const fingerprint = fingerprintOf(options, {
    ...pairParamsOf(params),
    epochs: params.epochs,
    hidden: params.hidden,
    numSource: pair.source.x.numRows,
    numTarget: pair.target.x.numRows,
    width: pair.source.x.width,
  });
  const saved = params.resume && folder !== undefined ? await readCheckpoint(folder, fingerprint) : undefined;
  const source = await trainSource(pair.source.x, pair.source.labels, {
    numClasses: pair.classNames.length,
    seed,
    epochs: params.epochs,
    backbone: { kind: 'mlp', width: pair.source.x.width, hidden: params.hidden, dropout: 0.3 },
    hasBases: params.bases === 'attention',
    numMembers: params.ensemble,
    signal,
    ...(saved && { states: saved.sourceStates }),
    onProgress: (done, total) => context.progress({ phase: 'training on labelled samples', done, total }),
  });
  for (const warning of heldOutWarnings(source)) context.warn(warning);
  const input: AdaptationInput = {
    source,
    target: pair.target,
    classNames: pair.classNames,
    signal,
    ...(pair.truth && { truth: pair.truth }),
    ...(saved && { resumeFrom: saved }),
    onRound(report) {
      context.progress({
        phase: 'adapting',
        done: report.round,
        total: params.rounds,
        note: `agreement ${percent(report.agreement)}`,
      });
      context.metric('agreement', report.round, report.agreement);
      context.metric('held-out source accuracy', report.round, report.sourceAccuracy);
      if (report.truthAccuracy !== undefined) context.metric('target accuracy', report.round, report.truthAccuracy);
    },
    async onCheckpoint(checkpoint, views) {
      if (folder === undefined || params.dryRun) return;
      const file = await checkpointFile(folder, { checkpoint, sourceStates: source.states, views }, fingerprint);
      writeOutputFiles([file], { subject: 'self-train adapt', context, dryRun: false, force: true });
    },
  };
  const adaptation = await adapt(input, options);
  const { result } = adaptation;
  const value = adaptJson(adaptation, { ...input, sourceName: pair.source.name, seed });
  const kept = result.rounds[result.keptRound];
  const files =
    folder === undefined
      ? []
      : writeOutputFiles(
          await runFiles(folder, {
            adaptation,
            ids: pair.target.ids!,
            description: {
              format: 'tenfold self-train 1',
              classNames: pair.classNames,
              featuriser: pair.featuriser,
              network: source.network,
              numPasses: options.numPasses,
              lambda: options.lambda,
              beta: options.beta,
              basesPerClass: options.basesPerClass,
              temperature: kept.temperature,
              featureScale: result.final.smoothed.scale,
              seed,
            },
          }),
          { subject: 'self-train adapt', context, ...params },
        );
  const start = result.rounds[0];
  const gain = kept.truthAccuracy === undefined ? undefined : kept.truthAccuracy - start.truthAccuracy!;
  const change =
    gain === undefined
      ? `EM and network agree on ${percent(kept.agreement)} of the target, ${percent(start.agreement)} before. ${NOT_MEASURED}`
      : `target accuracy went from ${percent(start.truthAccuracy!)} to ${percent(kept.truthAccuracy!)}`;
  const end = result.isStopped
    ? `the guard stopped and went back to round ${result.keptRound}`
    : numberOfRounds(params.rounds);
  const isSound = !result.isStopped && (gain ?? kept.agreement - start.agreement) >= 0;
  // good is said of what was measured alone
  const tone = isSound ? (gain === undefined ? 'info' : 'good') : 'warn';
  const report = reportAdaptation(value, { tone, text: `After ${end}: ${change}.` });
  return {
    ok: true,
    value: { ...value, files },
    report: {
      ...report,
      blocks:
        files.length === 0
          ? report.blocks
          : [
              ...report.blocks,
              {
                kind: 'text',
                text: `${params.dryRun ? 'Would write' : 'Wrote'} ${files.map(({ path }) => path).join(', ')}`,
              },
            ],
    },
  };
}
