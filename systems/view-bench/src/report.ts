/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report } from '@tenfold/core/report';
import type { ExperimentResult } from './bench/experiment.ts';
import type { LevelRow } from './bench/level-table.ts';
import type { TrustRadius } from './bench/trust-radius.ts';
import type { LeaningView } from './pose-check.ts';
import type { LengthUnit, Level } from './types.ts';

export const LEVEL_TITLES: Readonly<Record<Level, string>> = {
  train: 'training views',
  control: 'between training views',
  level1: 'level 1: moved aside',
  level2: 'level 2: turned',
  level3: 'level 3: moved and turned',
};

/** What a run keeps as JSON. */
export function experimentValue({
  lengthUnit,
  training,
  members,
  evaluation,
  levels,
  trust,
  cameras,
  strips,
}: ExperimentResult) {
  return {
    lengthUnit,
    numMembers: members.length,
    numGaussians: training.cloud.count,
    numGrown: training.numGrown,
    numPruned: training.numPruned,
    extentM: training.extentM,
    profile: evaluation.profile,
    spacingM: evaluation.spacingM,
    levels,
    trust: trust ?? null,
    views: evaluation.views,
    cameras,
    strips: strips.map(({ name, level, psnr }) => ({ name, level, psnr, artifact: stripName(name) })),
    losses: thinned(training.losses),
  };
}

/** Artifact name of a strip. */
export function stripName(frameName: string): string {
  return `views/${frameName.replace(/\.\w+$/, '').replaceAll(/[^\w.-]/g, '_')}.png`;
}

/** Like "18.2 dB between training views". */
function whereText({ level, psnr }: { readonly level: Level; readonly psnr: number }): string {
  return `${psnr.toFixed(1)} dB ${level === 'control' ? '' : 'in '}${LEVEL_TITLES[level]}`;
}

export function experimentReport(title: string, result: ExperimentResult, extra: readonly Block[] = []): Report {
  const { lengthUnit, levels, trust, training, evaluation, strips } = result;
  const worst = levels.filter(({ level }) => level !== 'train').toSorted((a, b) => a.psnr - b.psnr)[0];
  const reference = levels.find(({ level }) => level === 'control') ?? levels.find(({ level }) => level === 'train');
  const text = [
    trust ? trustSentence(trust, lengthUnit) : undefined,
    reference &&
      (worst && worst !== reference
        ? `PSNR falls from ${whereText(reference)} to ${worst.psnr.toFixed(1)} dB at ${LEVEL_TITLES[worst.level]}.`
        : `PSNR is ${whereText(reference)}.`),
  ];
  return {
    title,
    verdict: { tone: 'info', text: text.filter((part) => part !== undefined).join(' ') },
    blocks: [
      {
        kind: 'figures',
        figures: [
          ...levels.map(({ level, psnr }) => ({
            label: LEVEL_TITLES[level],
            value: psnr,
            unit: 'dB',
            format: 'number' as const,
            digits: 1,
          })),
          ...(trust
            ? [{ label: 'trust radius', value: trust.radiusM, unit: lengthUnit, format: 'number' as const, digits: 1 }]
            : []),
          { label: 'Gaussians', value: training.cloud.count, format: 'count' as const },
        ],
      },
      ...extra,
      levelTable(levels, evaluation.profile),
      ...(trust ? [trustPlot(trust, lengthUnit)] : []),
      ...(training.losses.length > 0 ? [lossPlot(training.losses)] : []),
      ...(strips.length > 0
        ? [
            {
              kind: 'group' as const,
              title: 'Truth, render, error, oracle (red: no training view shows it)',
              layout: 'stack' as const,
              blocks: strips.map(({ name, level, psnr }) => ({
                kind: 'image' as const,
                source: stripName(name),
                alt: `Truth, render and error of ${name}`,
                caption: `${LEVEL_TITLES[level]} · ${name} · ${psnr.toFixed(1)} dB`,
                pixelated: true,
              })),
            },
          ]
        : []),
    ],
  };
}

function trustSentence({ radiusM, toleranceDb, isLowerBound }: TrustRadius, unit: LengthUnit): string {
  const [much, far] = [`${toleranceDb} dB`, `${radiusM.toFixed(1)} ${unit}`];
  if (isLowerBound) return `Views stay within ${much} as far as the tests go, ${far} from the path.`;
  if (radiusM === 0) return `Even the nearest views aside lose more than ${much}.`;
  return `Trust views up to ${far} from the training path: beyond, more than ${much} are lost.`;
}

/** What was left out for its pose, if anything. */
export function leaningBlocks(leaning: readonly LeaningView[]): readonly Block[] {
  if (leaning.length === 0) return [];
  const views = leaning.map(({ name, leanDeg }) => `${name} (${leanDeg.toFixed(0)}°)`).join(', ');
  return [
    {
      kind: 'callout',
      tone: 'warn',
      title: `${leaning.length} of the views left out: the pose leans`,
      text: `${views}. Structure from motion registered them wrongly, or the camera was tilted: --max-lean 180 keeps them.`,
    },
  ];
}

function levelTable(levels: readonly LevelRow[], profile: string): Block {
  const has = (key: keyof LevelRow) => levels.some((row) => row[key] !== null);
  const optional = (key: keyof LevelRow, label: string, rest: object) => (has(key) ? [{ key, label, ...rest }] : []);
  return {
    kind: 'table',
    caption: `Means a level (profile ${profile}); drops against the training views`,
    columns: [
      { key: 'title', label: 'views' },
      { key: 'numViews', label: 'number', format: 'count' },
      { key: 'psnr', label: 'PSNR', unit: 'dB', digits: 2 },
      { key: 'dropPsnr', label: 'drop', format: 'percent', digits: 1 },
      { key: 'ssim', label: 'SSIM', digits: 3 },
      { key: 'dropSsim', label: 'drop', format: 'percent', digits: 1 },
      ...optional('lpips', 'LPIPS-sq', { digits: 3 }),
      ...optional('dropLpips', 'drop', { format: 'percent', digits: 1 }),
      ...optional('featureCosine', 'feature cosine', { digits: 3 }),
      ...optional('dropFeatures', 'drop', { format: 'percent', digits: 1 }),
      ...optional('workshopScore', 'workshop score', { digits: 3 }),
      ...optional('psnrSeen', 'PSNR seen', { unit: 'dB', digits: 2 }),
      ...optional('psnrUnseen', 'PSNR unseen', { unit: 'dB', digits: 2 }),
      ...optional('unseenShare', 'unseen pixels', { format: 'percent', digits: 1 }),
      ...optional('unseenErrorShare', 'their share of the error', { format: 'percent', digits: 1 }),
      ...optional('absRel', 'depth AbsRel', { digits: 3 }),
      ...optional('agreement', 'members agree to', { unit: 'dB', digits: 1 }),
    ],
    rows: levels.map((row) => ({ ...row, title: LEVEL_TITLES[row.level] })),
  };
}

function trustPlot(
  { points, monotone, referencePsnr, toleranceDb, radiusM, isLowerBound }: TrustRadius,
  unit: LengthUnit,
): Block {
  const seen = points.filter(({ psnrSeen }) => psnrSeen !== null);
  return {
    kind: 'plot',
    caption: 'Quality against distance from the training path',
    mark: 'line',
    x: { label: 'distance from the path', unit },
    y: { label: 'PSNR', unit: 'dB' },
    series: [
      {
        name: 'all pixels',
        points: [{ x: 0, y: referencePsnr }, ...points.map(({ distanceM, psnr }) => ({ x: distanceM, y: psnr }))],
      },
      {
        name: 'monotone fit',
        points: [{ x: 0, y: referencePsnr }, ...points.map(({ distanceM }, k) => ({ x: distanceM, y: monotone[k]! }))],
      },
      ...(seen.length > 0
        ? [{ name: 'seen pixels', points: seen.map(({ distanceM, psnrSeen }) => ({ x: distanceM, y: psnrSeen! })) }]
        : []),
    ],
    rules: [
      { axis: 'y', value: referencePsnr - toleranceDb, label: `${toleranceDb} dB below` },
      ...(isLowerBound ? [] : [{ axis: 'x' as const, value: radiusM, label: 'trust radius' }]),
    ],
  };
}

function lossPlot(losses: Float32Array): Block {
  return {
    kind: 'plot',
    caption: 'Training loss',
    mark: 'line',
    x: { label: 'step' },
    y: { label: 'loss' },
    series: [{ name: 'loss', points: thinned(losses).map(({ step, loss }) => ({ x: step, y: loss })) }],
  };
}

const MAX_LOSS_POINTS = 100;

/** Means of equal stretches. */
function thinned(losses: Float32Array): { readonly step: number; readonly loss: number }[] {
  const stretch = Math.max(1, Math.ceil(losses.length / MAX_LOSS_POINTS));
  const points = [];
  for (let start = 0; start < losses.length; start += stretch) {
    const part = losses.subarray(start, start + stretch);
    points.push({ step: start + part.length, loss: part.reduce((total, value) => total + value, 0) / part.length });
  }
  return points;
}
