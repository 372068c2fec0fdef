/** An audit as report blocks. */
import type { Block, Report } from '@tenfold/core/report';
import type { AuditResult } from './audit.ts';
import type { Issue } from './issue-list.ts';
import type { Audit } from './pipeline.ts';
import { rankingText } from './ranking-text.ts';
import { OUTLIER_RATIO } from './evidence.ts';
import type { TruthCheck } from './truth-check.ts';

const NUM_ROWS = 20;
const MAX_MATRIX_CLASSES = 30;

export function reportAudit(audit: Audit, issues: readonly Issue[]): Report {
  const { result, labels } = audit;
  const numFlagged = result.ranked.length;
  const share = numFlagged / labels.length;
  return {
    title: `Label audit of ${audit.name}`,
    verdict: {
      tone: numFlagged === 0 ? 'good' : 'warn',
      text:
        `${numFlagged.toLocaleString('en')} of ${labels.length.toLocaleString('en')} labels are suspicious${aboutWrong(result)}; ` +
        `estimated noise ${percent(result.noise.rate)} (95 %: ${percent(result.noise.low)} to ${percent(result.noise.high)}).`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'suspicious labels', value: numFlagged, format: 'count', tone: share > 0.1 ? 'bad' : 'neutral' },
          { label: 'of them probably wrong', value: Math.round(result.expectedWrong), format: 'count' },
          { label: 'estimated noise', value: result.noise.rate, format: 'percent', digits: 1 },
          { label: 'repair', value: REPAIR_TEXT[result.repairRule] },
          { label: 'temperature', value: result.temperature.temperature, format: 'number', digits: 2 },
          ...(audit.evidence
            ? [
                { label: 'outliers', value: countOutliers(audit), format: 'count' as const },
                { label: 'near-duplicate sets', value: audit.evidence.numDuplicateSets, format: 'count' as const },
                {
                  label: 'of them with different labels',
                  value: audit.evidence.numConflictingSets,
                  format: 'count' as const,
                },
              ]
            : []),
          ...(audit.unlabelled.length > 0
            ? [{ label: 'without a label', value: audit.unlabelled.length, format: 'count' as const }]
            : []),
        ],
      },
      ...(audit.truth ? truthBlocks(audit.truth) : []),
      issueTable(issues.slice(0, NUM_ROWS), audit),
      ...thumbnailBlocks(issues),
      healthTable(audit),
      ...noiseMatrixBlocks(audit),
      ...curveBlocks(audit),
    ],
  };
}

/** By the sum of their probabilities; nothing where none is suspicious. */
export function aboutWrong({ ranked, expectedWrong }: Pick<AuditResult, 'ranked' | 'expectedWrong'>): string {
  return ranked.length === 0 ? '' : `, about ${Math.round(expectedWrong).toLocaleString('en')} of them wrong`;
}

const REPAIR_TEXT = { bayes: 'Bayes posterior', argmax: 'most likely class', given: 'labels kept' } as const;

function countOutliers({ evidence }: Audit): number {
  return evidence!.outlierRatio.reduce((count, ratio) => count + Number(ratio >= OUTLIER_RATIO), 0);
}

function issueTable(issues: readonly Issue[], { truth, result }: Audit): Block {
  const hasTruth = truth !== undefined;
  return {
    kind: 'table',
    caption: `Most suspicious labels, by ${rankingText(result.ranking)}`,
    columns: [
      { key: 'id', label: 'sample' },
      { key: 'given', label: 'given' },
      { key: 'model', label: 'most likely' },
      { key: 'suggested', label: 'repaired' },
      { key: 'score', label: 'score', format: 'number', digits: 3 },
      { key: 'wrong', label: 'probability wrong', format: 'percent', digits: 1 },
      { key: 'agreement', label: 'neighbours with given label', format: 'percent', digits: 0 },
      ...(hasTruth ? [{ key: 'truth', label: 'truth' }] : []),
      ...(issues.some(({ preview }) => preview !== undefined) ? [{ key: 'preview', label: 'content' }] : []),
    ],
    rows: issues.map((issue) => ({
      id: issue.id,
      given: issue.given,
      model: issue.top[0].name,
      suggested: issue.suggested,
      score: issue.score,
      wrong: issue.wrongProbability,
      agreement: issue.agreement ?? null,
      ...(hasTruth ? { truth: issue.truth ?? null } : {}),
      preview: issue.preview ?? '',
    })),
  };
}

function thumbnailBlocks(issues: readonly Issue[]): Block[] {
  const shown = issues.filter(({ thumbnail }) => thumbnail !== undefined).slice(0, NUM_ROWS);
  if (shown.length === 0) return [];
  return [
    {
      kind: 'group',
      title: 'Most suspicious samples',
      layout: 'grid',
      blocks: shown.map((issue) => ({
        kind: 'image',
        source: issue.thumbnail!,
        alt: `Sample ${issue.id}, labelled ${issue.given}, most likely ${issue.top[0].name}`,
        caption: `${issue.id}: ${issue.given} → ${issue.top[0].name}, ${percent(issue.wrongProbability)}`,
        pixelated: true,
      })),
    },
  ];
}

function healthTable({ result, classNames }: Audit): Block {
  return {
    kind: 'table',
    caption: 'Health of the classes',
    columns: [
      { key: 'name', label: 'class' },
      { key: 'given', label: 'labels', format: 'count' },
      { key: 'flagged', label: 'suspicious', format: 'count' },
      { key: 'noise', label: 'labels of other classes', format: 'percent', digits: 1 },
      { key: 'missed', label: 'samples labelled otherwise', format: 'percent', digits: 1 },
    ],
    rows: result.classHealth
      .map(({ classIndex, numGiven, numFlagged, labelNoise, missed }) => ({
        name: classNames[classIndex],
        given: numGiven,
        flagged: numFlagged,
        noise: labelNoise,
        missed,
      }))
      .sort((a, b) => b.noise - a.noise),
  };
}

function noiseMatrixBlocks({ result, classNames }: Audit): Block[] {
  const numClasses = classNames.length;
  if (numClasses > MAX_MATRIX_CLASSES) return [];
  return [
    {
      kind: 'plot',
      caption: 'Noise matrix: share of each true class (column) that carries each label (row)',
      mark: 'cell',
      x: { label: 'true class', scale: 'band' },
      y: { label: 'given label', scale: 'band' },
      series: [
        {
          name: 'p(given | true)',
          points: Array.from(result.latent.noiseMatrix, (value, at) => ({
            x: classNames[at % numClasses],
            y: classNames[Math.floor(at / numClasses)],
            value,
          })),
        },
      ],
    },
  ];
}

function curveBlocks({ logs }: Audit): Block[] {
  if (logs.length === 0) return [];
  return [
    {
      kind: 'plot',
      caption: 'Training loss of each fold',
      mark: 'line',
      x: { label: 'epoch' },
      y: { label: 'loss' },
      series: logs.map((log, fold) => ({
        name: `fold ${fold + 1}`,
        points: log.map(({ epoch, loss }) => ({ x: epoch, y: loss })),
      })),
    },
  ];
}

function truthBlocks(truth: TruthCheck): Block[] {
  return [
    { kind: 'heading', text: 'Against the known truth', level: 2 },
    {
      kind: 'figures',
      figures: [
        { label: 'wrong labels', value: truth.noiseRate, format: 'percent', digits: 1 },
        { label: 'precision', value: known(truth.precision), format: 'percent', digits: 1 },
        { label: 'recall', value: known(truth.recall), format: 'percent', digits: 1 },
        { label: 'AUROC of the ranking', value: known(truth.auroc), format: 'number', digits: 4 },
        { label: 'average precision', value: known(truth.averagePrecision), format: 'number', digits: 4 },
      ],
    },
    {
      kind: 'table',
      caption: 'Accuracy of the labels',
      columns: [
        { key: 'name', label: 'labels' },
        { key: 'accuracy', label: 'accuracy', format: 'percent', digits: 2 },
      ],
      rows: [
        { name: 'as given', accuracy: truth.accuracyGiven },
        { name: 'most likely class', accuracy: truth.accuracyArgmax },
        { name: 'Bayes posterior', accuracy: truth.accuracyBayes },
        { name: 'repaired (rule in use)', accuracy: truth.accuracyRepaired },
        { name: 'corrected table (repaired where suspicious)', accuracy: truth.accuracyCorrected },
      ],
    },
    {
      kind: 'plot',
      caption: `Is the probability of a right label honest? Calibration error ${truth.ece.toFixed(3)}, without temperature ${truth.eceUncalibrated.toFixed(3)}`,
      mark: 'line',
      x: { label: 'predicted probability that the label is right' },
      y: { label: 'share that is right' },
      series: [
        {
          name: 'labels',
          points: truth.reliabilityBins.map(({ confidence, accuracy }) => ({ x: confidence, y: accuracy })),
        },
        {
          name: 'ideal',
          points: [
            { x: 0, y: 0 },
            { x: 1, y: 1 },
          ],
        },
      ],
    },
    {
      kind: 'plot',
      caption: 'Precision among the first k of the list',
      mark: 'line',
      x: { label: 'k' },
      y: { label: 'precision' },
      series: [{ name: 'ranking', points: truth.precisionAt.map(({ k, precision }) => ({ x: k, y: precision })) }],
    },
  ];
}

/** A figure that may not exist is shown as a gap. */
function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** What is not certain does not read as certain. */
export function percent(ratio: number): string {
  if (ratio < 1 && ratio > 0.9994) return '> 99.9 %';
  return `${(100 * ratio).toFixed(1)} %`;
}
