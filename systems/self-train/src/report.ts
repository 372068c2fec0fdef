/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report } from '@tenfold/core/report';
import { NOT_MEASURED, WHY_NOT_MEASURED } from './not-measured.ts';
import type { AdaptJson, Example, MethodJson } from './outputs/adapt-json.ts';
import type { Method } from './types.ts';

/** Short names for tables and legends. */
export const METHOD_NAMES: Readonly<Record<Method, string>> = {
  source: 'source only',
  em: 'EM self-training',
  cbst: 'CBST',
  mrkld: 'CRST (MRKLD)',
  lrent: 'CRST (LRENT)',
  pseudo: 'pseudo-labels',
  entropy: 'entropy minimisation',
  fixmatch: 'FixMatch-style',
  oracle: 'oracle (target labels)',
};

export const percent = (ratio: number, digits = 1): string => `${(100 * ratio).toFixed(digits)} %`;

export const numberOfRounds = (count: number): string => `${count} ${count === 1 ? 'round' : 'rounds'}`;

/** A report of one or more methods on the same source and target; the first is the one that is shown in full. */
export function reportAdaptation(result: AdaptJson, verdict: Report['verdict'], title?: string): Report {
  const [shown] = result.methods;
  return {
    title: title ?? `${result.sourceName} → ${result.targetName}`,
    verdict,
    blocks: [
      { kind: 'figures', figures: figuresOf(result) },
      ...notMeasuredBlocks(shown.accuracy !== undefined),
      ...(result.methods.length > 1 ? [comparison(result.methods)] : []),
      ...guardBlocks(shown),
      ...roundBlocks(shown, result.classNames),
      ...exampleBlocks(result),
    ],
  };
}

function figuresOf({ methods: [shown], numSource, numTarget }: AdaptJson) {
  const [first, kept] = [shown.rounds[0], shown.rounds[shown.keptRound]];
  const accuracy =
    shown.accuracy === undefined
      ? [{ label: 'target accuracy', value: 'not measured' }]
      : [
          { label: 'target accuracy before', value: first.truthAccuracy!, format: 'percent' as const, digits: 1 },
          { label: 'target accuracy after', value: shown.accuracy, format: 'percent' as const, digits: 1 },
        ];
  return [
    ...accuracy,
    { label: 'agreement of EM and network', value: kept.agreement, format: 'percent' as const, digits: 1 },
    { label: 'labelled source samples', value: numSource, format: 'count' as const },
    { label: 'unlabelled target samples', value: numTarget, format: 'count' as const },
  ];
}

/** Below the figures, where agreement stands. */
export function notMeasuredBlocks(isMeasured: boolean): Block[] {
  if (isMeasured) return [];
  return [{ kind: 'callout', tone: 'info', title: NOT_MEASURED, text: WHY_NOT_MEASURED }];
}

function comparison(methods: readonly MethodJson[]): Block {
  return {
    kind: 'table',
    caption: 'Same source network, same number of updates',
    columns: [
      { key: 'method', label: 'method' },
      { key: 'accuracy', label: 'target accuracy', format: 'percent', digits: 2 },
      { key: 'ece', label: 'target calibration error', format: 'number', digits: 3 },
      { key: 'accepted', label: 'accepted labels right', format: 'percent', digits: 1 },
      { key: 'kept', label: 'kept round' },
    ],
    rows: methods.map(({ method, rounds, keptRound, isStopped, accuracy, ece }) => ({
      method: METHOD_NAMES[method],
      accuracy: accuracy ?? null,
      ece: ece ?? null,
      accepted: rounds[keptRound].truthAcceptedAccuracy ?? null,
      kept: isStopped ? `${keptRound}, stopped by the guard` : `${keptRound}`,
    })),
  };
}

function guardBlocks({ isStopped, keptRound, rounds }: MethodJson): Block[] {
  if (!isStopped) return [];
  const last = rounds.at(-1)!;
  return [
    {
      kind: 'callout',
      tone: 'warn',
      title: `The guard stopped round ${last.round} and went back to round ${keptRound}`,
      text: `${last.alarms.join('; ')}. No target label was needed to see it.`,
    },
  ];
}

function roundBlocks({ rounds }: MethodJson, classNames: readonly string[]): Block[] {
  const hasTruth = rounds[0].truthAccuracy !== undefined;
  return [
    {
      kind: 'table',
      caption: 'Rounds',
      columns: [
        { key: 'round', label: 'round' },
        { key: 'accepted', label: 'labels accepted', format: 'count' },
        { key: 'agreement', label: 'EM and network agree', format: 'percent', digits: 1 },
        { key: 'priorShift', label: 'class shift', format: 'percent', digits: 1 },
        { key: 'likelihood', label: 'log-likelihood', unit: 'nats a sample', digits: 3 },
        { key: 'sourceAccuracy', label: 'held-out source', format: 'percent', digits: 1 },
        { key: 'ece', label: 'source calibration error', digits: 3 },
        { key: 'calibrated', label: 'after temperature', digits: 3 },
        ...(hasTruth ? [{ key: 'truth', label: 'target accuracy', format: 'percent' as const, digits: 1 }] : []),
      ],
      rows: rounds.map((round) => ({
        round: round.round,
        accepted: round.acceptedPerClass.reduce((sum, count) => sum + count, 0),
        agreement: round.agreement,
        priorShift: round.priorShift,
        likelihood: round.logLikelihood.at(-1)!,
        sourceAccuracy: round.sourceAccuracy,
        ece: round.sourceEce,
        calibrated: round.sourceEceCalibrated,
        ...(hasTruth && { truth: round.truthAccuracy ?? null }),
      })),
    },
    {
      kind: 'plot',
      caption: 'Pseudo-labels accepted per class',
      mark: 'line',
      x: { label: 'round' },
      y: { label: 'labels' },
      series: classNames.map((name, c) => ({
        name,
        points: rounds.map((round) => ({ x: round.round, y: round.acceptedPerClass[c] })),
      })),
    },
    {
      kind: 'plot',
      caption: 'Likelihood of the target features never falls within a round',
      mark: 'line',
      x: { label: 'EM iteration' },
      y: { label: 'gain', unit: 'nats a sample' },
      series: rounds.map((round) => ({
        name: `round ${round.round}`,
        points: round.logLikelihood.map((value, i) => ({ x: i, y: value - round.logLikelihood[0] })),
      })),
    },
  ];
}

function exampleBlocks({ askNext }: AdaptJson): Block[] {
  if (askNext.length === 0) return [];
  return [
    {
      kind: 'table',
      caption: 'Label these next: where a person helps most',
      columns: [
        { key: 'id', label: 'sample' },
        { key: 'label', label: 'pseudo-label' },
        { key: 'confidence', label: 'confidence', format: 'percent', digits: 0 },
        { key: 'data', label: 'variance: data', digits: 3 },
        { key: 'model', label: 'model', digits: 3 },
        { key: 'disagreement', label: 'disagreement', digits: 3 },
      ],
      rows: askNext.map(({ id, label, confidence, data, model, disagreement }: Example) => ({
        id,
        label,
        confidence,
        data,
        model,
        disagreement,
      })),
    },
  ];
}
