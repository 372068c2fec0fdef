/** What is left of the training quality at every level, as a radar: PSNR, SSIM and, where measured, LPIPS, seen pixels and depth. */
import type { ExperimentValue } from './results.ts';
import { LEVELS } from './results.ts';

type Row = ExperimentValue['levels'][number];

const SIZE = 240;
const RADIUS = 88;
const RINGS = [0.25, 0.5, 0.75, 1] as const;
/** Share of the training value that is left; 1 at the rim. */
const AXES: readonly { readonly label: string; readonly share: (row: Row, train: Row) => number | null }[] = [
  { label: 'PSNR', share: (row, train) => row.psnr / train.psnr },
  { label: 'SSIM', share: (row, train) => row.ssim / train.ssim },
  { label: 'LPIPS', share: (row, train) => ratio(train.lpips, row.lpips) },
  { label: 'depth', share: (row, train) => ratio(train.absRel, row.absRel) },
  {
    label: 'seen pixels',
    share: (row, train) => (row.psnrSeen === null || train.psnrSeen === null ? null : row.psnrSeen / train.psnrSeen),
  },
];

export function Radar({ levels }: { readonly levels: ExperimentValue['levels'] }) {
  const train = levels.find(({ level }) => level === 'train');
  if (!train) return null;
  const axes = AXES.filter(({ share }) => levels.every((row) => share(row, train) !== null));
  const at = (axis: number, share: number) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * axis) / axes.length;
    return [SIZE / 2 + RADIUS * share * Math.cos(angle), SIZE / 2 + RADIUS * share * Math.sin(angle)] as const;
  };
  const outline = (shares: readonly number[]) =>
    shares
      .map((share, k) =>
        at(k, share)
          .map((value) => value.toFixed(1))
          .join(','),
      )
      .join(' ');
  return (
    <figure className="view-radar">
      <svg
        viewBox={`-40 0 ${SIZE + 80} ${SIZE}`}
        role="img"
        aria-label="Share of the training quality that is left at each level"
      >
        {RINGS.map((ring) => (
          <polygon key={ring} className="view-ring" points={outline(axes.map(() => ring))} />
        ))}
        {axes.map(({ label }, k) => {
          const [x, y] = at(k, 1.16);
          return (
            <text
              key={label}
              x={x}
              y={y}
              textAnchor={Math.abs(x - SIZE / 2) < 4 ? 'middle' : x > SIZE / 2 ? 'start' : 'end'}
              dominantBaseline="middle"
            >
              {label}
            </text>
          );
        })}
        {LEVELS.map(({ level, color }) => {
          const row = levels.find((candidate) => candidate.level === level);
          if (!row || level === 'train') return null;
          const shares = axes.map(({ share }) => Math.min(1, Math.max(0, share(row, train) ?? 0)));
          return (
            <polygon key={level} points={outline(shares)} style={{ stroke: color }} className="view-radar-level" />
          );
        })}
      </svg>
      <figcaption className="view-note">Rim: as good as in the training views.</figcaption>
    </figure>
  );
}

function ratio(best: number | null, value: number | null): number | null {
  return best === null || value === null ? null : best / value;
}
