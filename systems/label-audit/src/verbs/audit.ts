/** audit: the suspicious labels of a table, an image folder or arrays. */
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { readSamples } from '../inputs/samples.ts';
import type { InputParams } from '../inputs/samples.ts';
import { auditFileNames, auditFiles } from '../outputs/audit-files.ts';
import { assertNewFiles } from '../outputs/new-files.ts';
import { runAudit } from '../pipeline.ts';
import type { Augmentation, Backbone, Filter, LabelLoss, ScoreMethod } from '../types.ts';
import { auditOutcome, listIssues } from './audit-outcome.ts';

interface AuditParams extends InputParams {
  readonly classes: readonly string[];
  readonly filter: Filter;
  readonly score: ScoreMethod;
  readonly adjust: boolean;
  readonly fracNoise: number;
  readonly folds: number;
  readonly epochs: number;
  readonly batch: number;
  readonly backbone: Backbone | 'auto';
  readonly augment: Augmentation;
  readonly head: 'distance' | 'linear';
  readonly loss: LabelLoss;
  readonly maxIssues: number;
  readonly out: string;
  readonly format: 'csv' | 'parquet';
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: AuditParams, context: VerbContext): Promise<VerbResult> {
  if (params.out !== '')
    assertNewFiles('label-audit audit', auditFileNames(params.out, params.format), params, context);
  await using samples = await readSamples(params, context);
  for (const warning of samples.warnings) context.warn(warning);
  const isImage = samples.x !== undefined && samples.x.shape.length === 4;
  const audit = await runAudit(
    { ...samples, ...(params.classes.length > 0 && { classNames: params.classes }) },
    {
      numFolds: params.folds,
      maxIssues: params.maxIssues,
      audit: { filter: params.filter, score: params.score, isAdjusted: params.adjust, fracNoise: params.fracNoise },
      training: {
        backbone: params.backbone === 'auto' ? defaultBackbone(samples.x?.shape) : params.backbone,
        head: params.head,
        loss: params.loss,
        epochs: params.epochs,
        batchSize: params.batch,
        augmentation: params.augment,
      },
    },
    context,
  );
  const images = isImage ? { images: samples.x! } : {};
  const issues = await listIssues(audit, { ...samples, ...images });
  const outcome = await auditOutcome(audit, issues, context, images);
  if (params.out === '') return outcome;
  const files = await auditFiles({
    audit,
    issues,
    report: outcome.report,
    table: samples.table,
    numRows: samples.numRows,
    format: params.format,
    folder: params.out,
  });
  const written = writeOutputFiles(files, { subject: 'label-audit audit', context, ...params });
  return { ...outcome, value: { ...(outcome.value as object), files: written } };
}

/** Convolutions for images large enough to pool three times, else the MLP. */
export function defaultBackbone(shape: readonly number[] | undefined): Backbone {
  return shape !== undefined && shape.length === 4 && shape[1] === 3 && shape[2] >= 8 ? 'sce-mini' : 'mlp';
}
