/** Segmentation results as report blocks. */
import type { Block, Report } from '@tenfold/core/report';
import type { PixelMethodJson, SegmentJson } from '../outputs/segment-json.ts';
import { NOT_MEASURED } from '../not-measured.ts';
import { METHOD_NAMES, notMeasuredBlocks, numberOfRounds, percent } from '../report.ts';

export function methodTitle({ method, isGuarded }: Pick<PixelMethodJson, 'method' | 'isGuarded'>): string {
  return method === 'em' && !isGuarded ? `${METHOD_NAMES[method]}, guard off` : METHOD_NAMES[method];
}

export function reportSegmentation(result: SegmentJson, title: string): Report {
  const [shown] = result.methods;
  const hasTruth = shown.meanIou !== undefined;
  const start = shown.rounds[0];
  const kept = shown.rounds[shown.keptRound];
  const end = shown.isStopped
    ? `the guard stopped in round ${shown.rounds.length - 1} and kept round ${shown.keptRound}`
    : numberOfRounds(shown.keptRound);
  const text = hasTruth
    ? `After ${end}: mean IoU went from ${percent(start.truthMeanIou!)} to ${percent(shown.meanIou!)} without a target mask.`
    : `After ${end}: EM and network agree on ${percent(kept.agreement)} of the pixels, ${percent(start.agreement)} before. ${NOT_MEASURED}.`;
  const isSound = hasTruth
    ? shown.meanIou! >= start.truthMeanIou!
    : !shown.isStopped && kept.agreement >= start.agreement;
  // good is said of what was measured alone
  const tone = isSound ? (hasTruth ? 'good' : 'info') : 'warn';
  return {
    title,
    verdict: { tone, text },
    blocks: [
      {
        kind: 'figures',
        figures: [
          ...(hasTruth
            ? [
                { label: 'mean IoU before', value: start.truthMeanIou!, format: 'percent' as const, digits: 1 },
                { label: 'mean IoU after', value: shown.meanIou!, format: 'percent' as const, digits: 1 },
              ]
            : [{ label: 'mean IoU', value: 'not measured' }]),
          { label: 'agreement of EM and network', value: kept.agreement, format: 'percent', digits: 1 },
          { label: 'labelled pictures', value: result.numSource, format: 'count' },
          { label: 'unlabelled pictures', value: result.numTarget, format: 'count' },
        ],
      },
      ...notMeasuredBlocks(hasTruth),
      ...(shown.isStopped
        ? [
            {
              kind: 'callout' as const,
              tone: 'warn' as const,
              title: `The guard stopped round ${shown.rounds.length - 1} and went back to round ${shown.keptRound}`,
              text: `${shown.rounds.at(-1)!.alarms.join('; ')}. No target mask was needed to see it.`,
            },
          ]
        : []),
      ...(hasTruth ? truthBlocks(result) : []),
      rounds(shown),
    ],
  };
}

function truthBlocks({ methods, classNames }: SegmentJson): Block[] {
  return [
    {
      kind: 'plot',
      caption: 'Mean IoU of the target by round',
      mark: 'line',
      x: { label: 'round' },
      y: { label: 'mean IoU' },
      series: methods.map((each) => ({
        name: methodTitle(each),
        points: each.rounds.map(({ round, truthMeanIou }) => ({ x: round, y: truthMeanIou! })),
      })),
    },
    {
      kind: 'table',
      caption: 'Same source network, same number of updates; intersection over union by class',
      columns: [
        { key: 'method', label: 'method' },
        { key: 'mean', label: 'mean IoU', format: 'percent', digits: 1 },
        { key: 'pixels', label: 'pixels right', format: 'percent', digits: 1 },
        ...classNames.map((name, c) => ({ key: `class${c}`, label: name, format: 'percent' as const, digits: 0 })),
        { key: 'kept', label: 'kept round' },
      ],
      rows: methods.map((each) => ({
        method: methodTitle(each),
        mean: each.meanIou!,
        pixels: each.pixelAccuracy!,
        ...Object.fromEntries(each.iou!.map((value, c) => [`class${c}`, value])),
        kept: each.isStopped ? `${each.keptRound}, stopped by the guard` : `${each.keptRound}`,
      })),
    },
  ];
}

function rounds({ rounds: reports }: PixelMethodJson): Block {
  const hasTruth = reports[0].truthMeanIou !== undefined;
  return {
    kind: 'table',
    caption: 'Rounds',
    columns: [
      { key: 'round', label: 'round' },
      { key: 'accepted', label: 'pixels accepted', format: 'count' },
      { key: 'agreement', label: 'EM and network agree', format: 'percent', digits: 1 },
      { key: 'shift', label: 'class shift', format: 'percent', digits: 1 },
      { key: 'score', label: 'score', digits: 3 },
      { key: 'source', label: 'held-out source', format: 'percent', digits: 1 },
      ...(hasTruth ? [{ key: 'truth', label: 'mean IoU', format: 'percent' as const, digits: 1 }] : []),
    ],
    rows: reports.map((report) => ({
      round: report.round,
      accepted: report.acceptedPerClass.reduce((sum, count) => sum + count, 0),
      agreement: report.agreement,
      shift: report.priorShift,
      score: report.score,
      source: report.sourceAccuracy,
      ...(hasTruth && { truth: report.truthMeanIou! }),
    })),
  };
}
