/** The sweep as report blocks. */
import type { Report } from '@tenfold/core/report';
import type { Sweep } from './sweep.ts';

/** @param command  the call that makes the mask with the best strength */
export function reportSweep(sweep: Omit<Sweep, 'masks'>, model: string, command: string): Report {
  const { points, best, densePerplexity, magnitudePerplexity } = sweep;
  const isAtEdge = points.length > 1 && (best === points[0] || best === points.at(-1));
  const isBetter = best.finalPerplexity! < magnitudePerplexity;
  const figures = `perplexity ${best.finalPerplexity!.toFixed(2)}, magnitude ${magnitudePerplexity.toFixed(2)}, dense ${densePerplexity.toFixed(2)}`;
  return {
    title: `Strength of the 2:4 regulariser for ${model}`,
    verdict: {
      tone: isBetter ? 'good' : 'warn',
      text: isBetter
        ? `κ ${best.kappa} gives the best mask: ${figures}.`
        : `No κ of the list beats the magnitude mask; ${best.kappa} comes nearest: ${figures}.`,
    },
    blocks: [
      {
        kind: 'table',
        caption: 'All ran a quarter of the steps; the best went on',
        columns: [
          { key: 'kappa', label: 'κ', digits: 4 },
          { key: 'early', label: 'perplexity, early', digits: 3 },
          { key: 'earlyShare', label: 'blocks 2:4, early', format: 'percent' },
          { key: 'final', label: 'perplexity, end', digits: 3 },
          { key: 'share', label: 'blocks 2:4, end', format: 'percent' },
          { key: 'differs', label: 'differs from magnitude', format: 'percent' },
        ],
        rows: points.map((point) => ({
          kappa: point.kappa,
          early: point.earlyPerplexity,
          earlyShare: point.earlySparseShare,
          final: point.finalPerplexity ?? null,
          share: point.sparseShare ?? null,
          differs: point.differsFromMagnitude ?? null,
        })),
      },
      {
        kind: 'plot',
        caption: 'Perplexity of the mask by strength',
        mark: 'line',
        x: { label: 'κ', scale: 'log' },
        y: { label: 'perplexity' },
        series: [
          {
            name: 'after a quarter',
            points: points.map(({ kappa, earlyPerplexity }) => ({ x: kappa, y: earlyPerplexity })),
          },
          {
            name: 'at the end',
            points: points.flatMap(({ kappa, finalPerplexity }) =>
              finalPerplexity === undefined ? [] : [{ x: kappa, y: finalPerplexity }],
            ),
          },
        ],
        rules: [
          { axis: 'y', value: densePerplexity, label: 'dense' },
          { axis: 'y', value: magnitudePerplexity, label: 'magnitude' },
        ],
      },
      ...points.flatMap((point) =>
        point.warnings.map((text) => ({
          kind: 'callout' as const,
          tone: 'warn' as const,
          title: `κ ${point.kappa}`,
          text,
        })),
      ),
      ...(isAtEdge
        ? [
            {
              kind: 'callout' as const,
              tone: 'info' as const,
              title: 'The best κ is at the edge of the list',
              text: `Try ${best === points[0] ? 'smaller' : 'larger'} ones too.`,
            },
          ]
        : []),
      {
        kind: 'text',
        text: 'The strength was chosen by these very rows: judge it on others, with `compare`.',
        markdown: true,
      },
      {
        kind: 'code',
        caption: 'With this strength',
        text: command,
      },
    ],
  };
}
