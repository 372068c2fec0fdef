/** From samples to an audit: out-of-fold probabilities where none are given, confident learning, evidence. */
import type { Diagnostic } from '@tenfold/core/base';
import type { VerbContext } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import { auditPasses } from './audit.ts';
import type { AuditOptions, AuditResult } from './audit.ts';
import { centreEvidenceOf } from './centre-evidence.ts';
import type { CentreEvidence } from './centre-evidence.ts';
import { assertSameLength, checkSource } from './check-probabilities.ts';
import { encodeLabels, MISSING_LABEL } from './class-names.ts';
import { gatherEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { labelError } from './label-errors.ts';
import { chosenRowsPass, labelledRows, unlabelledPass } from './labelled-rows.ts';
import type { UnlabelledRow } from './labelled-rows.ts';
import { runWithPauses } from './neighbours/steps.ts';
import { runOverSource, sourceFromMemory } from './passes.ts';
import type { ProbabilitySource } from './passes.ts';
import { outOfFold } from './pemm/out-of-fold.ts';
import type { OutOfFold } from './pemm/out-of-fold.ts';
import type { EpochLog, TrainOptions } from './pemm/train.ts';
import { posteriorPass } from './repair/posterior.ts';
import { compareWithTruth } from './truth-check.ts';
import type { TruthCheck } from './truth-check.ts';

export interface PipelineInput {
  readonly name: string;
  readonly labelCells: ArrayLike<unknown>;
  readonly truthCells?: ArrayLike<unknown>;
  readonly classNames?: readonly string[];
  readonly x?: Tensor<'float32'>;
  readonly probabilities?: ProbabilitySource;
  readonly groups?: Int32Array;
}

export interface PipelineOptions {
  readonly audit?: AuditOptions;
  readonly training?: Omit<TrainOptions, 'numClasses' | 'signal' | 'seed'>;
  readonly numFolds?: number;
  /** Flagged rows whose probabilities are kept, most suspicious first. Default 1000. */
  readonly maxIssues?: number;
}

/** All arrays have one entry per labelled sample: entry i is row `rows[i]` of the input. */
export interface Audit {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly rows: Uint32Array;
  readonly labels: Int32Array;
  readonly result: AuditResult;
  /** [min(flagged, maxIssues), K] of the most suspicious, in the order of `result.ranked`. */
  readonly issueProbabilities: Float64Array;
  readonly evidence?: Evidence;
  /** With the distance head. */
  readonly centreEvidence?: CentreEvidence;
  readonly logs: readonly (readonly EpochLog[])[];
  readonly truth?: TruthCheck;
  readonly truthLabels?: Int32Array;
  readonly unlabelled: readonly UnlabelledRow[];
  readonly warnings: readonly Diagnostic[];
}

export async function runAudit(input: PipelineInput, options: PipelineOptions, context: VerbContext): Promise<Audit> {
  const warnings: Diagnostic[] = [];
  const { signal } = context;
  let given = input.probabilities;
  if (given !== undefined) {
    assertSameLength('label-audit', input.labelCells.length, given.numRows, 'probabilities');
    context.progress({ phase: 'checking probabilities' });
    const checked = await checkSource(given, signal);
    given = checked.source;
    warnings.push(...checked.warnings);
  }
  const encoded = encodeLabels(input.labelCells, {
    ...(input.classNames && { classNames: input.classNames }),
    ...(given && { numClasses: given.numClasses }),
  });
  warnings.push(...encoded.warnings);
  const { labels: allLabels, classNames } = encoded;
  const folds = given === undefined ? await crossValidate(input, allLabels, classNames, options, context) : undefined;
  warnings.push(...(folds?.warnings ?? []));
  const source = given ?? sourceFromMemory(folds!.probabilities);
  const rows = Uint32Array.from(allLabels.keys()).filter((i) => allLabels[i] !== MISSING_LABEL);
  const labels = rows.length === allLabels.length ? allLabels : Int32Array.from(rows, (row) => allLabels[row]);
  context.progress({ phase: 'confident learning' });
  const labelled = labelledRows(source, allLabels);
  const result = await runOverSource(auditPasses(labels, source.numClasses, options.audit), labelled, signal);
  const listed = result.ranked.subarray(0, options.maxIssues ?? 1000);
  const issueProbabilities = await runOverSource(chosenRowsPass(listed, source.numClasses), labelled, signal);
  const unlabelled = await runOverSource(unlabelledPass(allLabels), source, signal);
  warnings.push(...smallClassWarnings(result, classNames, options.audit?.minPerClass ?? 1));
  let evidence: Evidence | undefined;
  if (input.x !== undefined) {
    context.progress({ phase: 'neighbours' });
    const width = input.x.data.length / input.x.shape[0];
    const data = rows.length === allLabels.length ? input.x.data : takeFlat(input.x.data, width, rows);
    const steps = gatherEvidence({ numRows: rows.length, width, data }, labels, context.rng.fork('neighbours'));
    evidence = await runWithPauses(steps, signal);
  }
  const truthLabels = input.truthCells && takeTruth(input.truthCells, classNames, rows);
  const uncalibrated =
    truthLabels && (await runOverSource(posteriorPass(labels, result.repairNoiseMatrix), labelled, signal));
  return {
    name: input.name,
    classNames,
    rows,
    labels,
    result,
    issueProbabilities,
    ...(evidence && { evidence }),
    ...(folds && options.training?.head !== 'linear' && { centreEvidence: centreEvidenceOf(folds, rows) }),
    logs: folds?.logs ?? [],
    ...(truthLabels && {
      truthLabels,
      truth: compareWithTruth(result, labels, truthLabels, uncalibrated!.givenProbability),
    }),
    unlabelled,
    warnings,
  };
}

async function crossValidate(
  input: PipelineInput,
  labels: Int32Array,
  classNames: readonly string[],
  options: PipelineOptions,
  context: VerbContext,
): Promise<OutOfFold> {
  if (input.x === undefined) {
    throw labelError('TF-LABEL-005', {
      subject: 'label-audit',
      expected: 'something to predict labels from',
      actual: 'neither probabilities nor features',
      hints: ['Pass --probs, --features, --text or numeric columns.'],
    });
  }
  const numFolds = options.numFolds ?? 5;
  const epochs = options.training?.epochs ?? 15;
  return outOfFold(
    { x: input.x, labels },
    {
      ...options.training,
      numClasses: classNames.length,
      classNames,
      numFolds,
      rng: context.rng.fork('folds'),
      seed: context.seed,
      signal: context.signal,
      ...(input.groups && { groups: input.groups }),
      onEpoch(fold, { epoch, loss }) {
        context.progress({
          phase: 'cross-validation',
          done: fold * epochs + epoch,
          total: numFolds * epochs,
          note: `loss ${loss.toFixed(3)}`,
        });
        context.metric(`loss/fold ${fold + 1}`, epoch, loss);
      },
    },
  );
}

/** −1 where the truth is not known. */
function takeTruth(cells: ArrayLike<unknown>, classNames: readonly string[], rows: Uint32Array): Int32Array {
  const { labels } = encodeLabels(cells, { classNames });
  return Int32Array.from(rows, (row) => labels[row]);
}

function takeFlat(data: Float32Array, width: number, rows: Uint32Array): Float32Array {
  const taken = new Float32Array(rows.length * width);
  rows.forEach((row, i) => taken.set(data.subarray(row * width, (row + 1) * width), i * width));
  return taken;
}

function smallClassWarnings(
  { learned }: AuditResult,
  classNames: readonly string[],
  minPerClass: number,
): Diagnostic[] {
  const small = classNames
    .map((name, k) => ({ name, count: learned.labelCounts[k] }))
    .filter(({ count }) => count <= minPerClass);
  return small.map(({ name, count }) => ({
    severity: 'warning',
    code: 'TF-LABEL-004',
    subject: 'findIssues',
    expected: `more than ${minPerClass} sample${minPerClass === 1 ? '' : 's'} of every class`,
    actual: `${count} of "${name}", whose labels are not flagged by the prune filters`,
  }));
}
