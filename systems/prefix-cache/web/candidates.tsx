/** The checkpoints that may be evicted, by what a hit saves and by how long they were not used; the next victim is framed. */
import type { TreePicture } from './results.ts';

const WIDTH = 420;
const HEIGHT = 240;
const LEFT = 58;
const BOTTOM = 40;
const TOP = 12;
const RIGHT = 14;
const RADIUS = 5;
const TICKS = [0, 0.5, 1] as const;

export function Candidates({ tree }: { readonly tree: TreePicture }) {
  const candidates = tree.nodes.filter(({ isCandidate }) => isCandidate);
  if (candidates.length === 0) return <p>No checkpoint may be evicted yet.</p>;
  const maxAge = Math.max(1, ...candidates.map(({ age }) => age));
  const maxEfficiency = Math.max(1, ...candidates.map(({ efficiency }) => efficiency));
  const x = (age: number): number => LEFT + (age / maxAge) * (WIDTH - LEFT - RIGHT);
  const y = (efficiency: number): number => HEIGHT - BOTTOM - (efficiency / maxEfficiency) * (HEIGHT - BOTTOM - TOP);
  return (
    <figure className="prefix-candidates">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${candidates.length} checkpoints that may be evicted, by age and FLOPs saved per byte`}
      >
        {TICKS.map((share) => (
          <g key={share}>
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(share * maxEfficiency)} y2={y(share * maxEfficiency)} />
            <text x={LEFT - 6} y={y(share * maxEfficiency) + 4} textAnchor="end">
              {shortNumber(share * maxEfficiency)}
            </text>
            <text x={x(share * maxAge)} y={HEIGHT - BOTTOM + 16} textAnchor="middle">
              {Math.round(share * maxAge)}
            </text>
          </g>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} textAnchor="middle">
          requests since the last use
        </text>
        <text transform={`translate(12 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)`} textAnchor="middle">
          FLOPs saved per byte
        </text>
        {candidates.map(({ id, age, efficiency }) => (
          <circle
            key={id}
            cx={x(age)}
            cy={y(efficiency)}
            r={id === tree.victim ? RADIUS + 2 : RADIUS}
            className={id === tree.victim ? 'is-victim' : undefined}
          />
        ))}
      </svg>
      <figcaption>Each dot is a checkpoint that may go; the framed one goes next.</figcaption>
    </figure>
  );
}

function shortNumber(value: number): string {
  return Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}
