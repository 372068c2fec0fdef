/** The checkpoints that may be evicted, by what a hit saves and by how long they were not used; the next victim is framed. */
import type { TreePicture } from './results.ts';

const WIDTH = 560;
const HEIGHT = 240;
const LEFT = 64;
const BOTTOM = 40;
const TOP = 12;
const RIGHT = 14;
const RADIUS = 5;
const TICKS = [0, 0.5, 1] as const;

export function Candidates({ tree }: { readonly tree: TreePicture }) {
  const candidates = tree.nodes.filter(({ isCandidate }) => isCandidate);
  if (candidates.length === 0) return <p>No checkpoint may be evicted yet.</p>;
  const maxAge = Math.max(1, ...candidates.map(({ age }) => age));
  const [low, high] = decadesOf(candidates.map(({ efficiency }) => efficiency));
  const x = (age: number): number => LEFT + (age / maxAge) * (WIDTH - LEFT - RIGHT);
  const y = (efficiency: number): number => {
    const share = (Math.log10(Math.max(efficiency, 1)) - low) / (high - low);
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
  };
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return (
    <figure className="prefix-candidates">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${candidates.length} checkpoints that may be evicted, by age and FLOPs saved per byte`}
      >
        {decades.map((decade) => (
          <g key={decade}>
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(decade)} y2={y(decade)} />
            <text x={LEFT - 8} y={y(decade) + 4} textAnchor="end">
              {shortNumber(decade)}
            </text>
          </g>
        ))}
        {TICKS.map((share) => (
          <text key={share} x={x(share * maxAge)} y={HEIGHT - BOTTOM + 18} textAnchor="middle">
            {Math.round(share * maxAge)}
          </text>
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

/** Powers of ten around the values: at least one decade. */
function decadesOf(values: readonly number[]): readonly [number, number] {
  const low = Math.floor(Math.log10(Math.max(1, Math.min(...values))));
  return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...values))))];
}

function shortNumber(value: number): string {
  return Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}
