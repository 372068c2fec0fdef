/** matrix: every clean mesh and every bug, with what the checker says first. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Block } from '@tenfold/core/report';
import { runMatrix, type MATRIX_PRECISIONS, type MatrixResult } from '../sim/matrix.ts';
import { withPool } from '../sim/simulate.ts';

interface MatrixParams {
  readonly meshes: readonly string[];
  readonly precisions: readonly (typeof MATRIX_PRECISIONS)[number][];
  readonly bugs: readonly string[];
  readonly clean: boolean;
  readonly sketch?: number;
}

export async function run(
  { meshes, precisions, bugs, clean, sketch }: MatrixParams,
  context: VerbContext,
): Promise<VerbResult> {
  const started = context.clock.nowMs();
  const result = await withPool((pool) =>
    runMatrix(pool, {
      meshes: clean ? (meshes.length > 0 ? meshes : undefined) : [],
      precisions: precisions.length > 0 ? precisions : undefined,
      bugs: bugs.length > 0 ? bugs : undefined,
      buckets: sketch,
      signal: context.signal,
      onRow: (note, done, total) => context.progress({ phase: 'matrix', done, total, note }),
    }),
  );
  const elapsedSec = (context.clock.nowMs() - started) / 1000;
  const numFailed = result.clean.filter(({ numFailed: failed }) => failed > 0).length;
  const numFound = result.bugs.filter(({ isFound }) => isFound).length;
  const numPlaced = result.bugs.filter(({ isRightPlace }) => isRightPlace).length;
  const rows = [...result.clean, ...result.bugs];
  const numSketchDiffers = rows.filter(({ isSketchSame }) => isSketchSame === false).length;
  const isGood = numFailed === 0 && numPlaced === result.bugs.length && numSketchDiffers === 0;
  return {
    ok: isGood,
    value: { ...result, elapsedSec },
    report: {
      title: 'Detection matrix',
      verdict: {
        tone: isGood ? 'good' : 'bad',
        text: [
          ...(result.clean.length > 0 ? [`${numFailed} of ${result.clean.length} clean runs are flagged`] : []),
          ...(result.bugs.length > 0
            ? [`${numFound} of ${result.bugs.length} bugs are found, ${numPlaced} at their place`]
            : []),
          ...(sketch === undefined
            ? []
            : [`sketches of ${sketch} lead to another verdict in ${numSketchDiffers} of ${rows.length} runs`]),
        ]
          .join('; ')
          .concat('.'),
      },
      blocks: blocksOf(result, elapsedSec),
    },
  };
}

function blocksOf({ clean, bugs }: MatrixResult, elapsedSec: number): Block[] {
  const hasSketches = [...clean, ...bugs].some(({ isSketchSame }) => isSketchSame !== null);
  const sketchColumn = hasSketches ? [{ key: 'sketch', label: 'sketch agrees' }] : [];
  return [
    {
      kind: 'figures',
      figures: [
        { label: 'clean runs', value: clean.length, format: 'count' },
        {
          label: 'largest clean error / tolerance',
          value: Math.max(0, ...clean.map(({ maxRatio }) => maxRatio)),
          digits: 2,
        },
        { label: 'bugs', value: bugs.length, format: 'count' },
        { label: 'time', value: elapsedSec * 1000, format: 'duration-ms' },
      ],
    },
    {
      kind: 'table',
      caption: 'Bugs',
      columns: [
        { key: 'label', label: 'no.' },
        { key: 'bug', label: 'bug' },
        { key: 'column', label: 'found in' },
        { key: 'first', label: 'first tensor' },
        { key: 'rel', label: 'error' },
        { key: 'tau', label: 'tolerance' },
        { key: 'lossChange', label: 'change of loss', format: 'percent', digits: 2 },
        { key: 'hint', label: 'likely cause' },
        ...sketchColumn,
      ],
      rows: bugs.map((row) => ({
        label: row.label,
        bug: row.bug,
        column: row.isRightPlace ? row.column : `${row.column ?? 'not found'} (expected ${row.expected})`,
        first: row.first,
        rel: row.rel === null ? null : row.rel.toPrecision(3),
        tau: row.tau === null ? null : row.tau.toPrecision(2),
        lossChange: row.lossChange,
        hint: row.hint,
        sketch: row.isSketchSame,
      })),
    },
    {
      kind: 'table',
      caption: 'Clean runs',
      columns: [
        { key: 'mesh', label: 'mesh' },
        { key: 'precision', label: 'precision' },
        { key: 'verdict', label: 'verdict' },
        { key: 'maxRatio', label: 'error / tolerance', digits: 2 },
        { key: 'numInconclusive', label: 'inconclusive', format: 'count' },
        { key: 'first', label: 'first problem' },
        ...sketchColumn,
      ],
      rows: clean.map(({ mesh, precision, verdict, maxRatio, numInconclusive, first, isSketchSame }) => ({
        mesh,
        precision,
        verdict,
        maxRatio,
        numInconclusive,
        first,
        sketch: isSketchSame,
      })),
    },
  ];
}
