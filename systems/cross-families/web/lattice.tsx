/** All subsets of up to six points by layers, coloured by the families that hold them; the picture of a tuple. */
import type { Families } from './results.ts';

const WIDTH = 720;
const ROW = 54;
const MAX_POINTS = 6;

export function Lattice({ n, families }: { readonly n: number; readonly families: Families }) {
  if (n > MAX_POINTS) return <p>The lattice is drawn up to {MAX_POINTS} points; the table lists the sets.</p>;
  const layers: number[][][] = Array.from({ length: n + 1 }, () => []);
  for (let mask = 0; mask < 2 ** n; mask++) {
    const set = Array.from({ length: n }, (_, e) => e + 1).filter((e) => (mask >> (e - 1)) & 1);
    layers[set.length]!.push(set);
  }
  const member = families.map((family) => new Set(family.map((set) => set.join(','))));
  const height = ROW * (n + 1) + 8;
  return (
    <svg
      className="families-lattice"
      viewBox={`0 0 ${WIDTH} ${height}`}
      role="img"
      aria-label={`Subsets of ${n} points by size, marked with the families that hold them`}
    >
      {layers.map((layer, size) => {
        const y = height - ROW * (size + 0.5) - 4;
        const step = Math.min(64, (WIDTH - 60) / layer.length);
        const left = (WIDTH + 40 - step * (layer.length - 1)) / 2;
        return (
          <g key={size}>
            <text x={4} y={y + 4}>{`size ${size}`}</text>
            {layer
              .toSorted((a, b) => compare(a, b))
              .map((set, index) => {
                const key = set.join(',');
                const owners = member.flatMap((sets, f) => (sets.has(key) ? [f] : []));
                const x = left + index * step;
                const width = Math.min(30, step - 3);
                return (
                  <g key={key}>
                    <title>{`{${set.join(', ')}}${owners.length ? ` in ${owners.map((f) => `F${f + 1}`).join(', ')}` : ''}`}</title>
                    <rect
                      className="families-set"
                      x={x - width / 2}
                      y={y - 14}
                      width={width}
                      height={28}
                      rx={4}
                      fill="var(--surface-2)"
                    />
                    {owners.map((f, slot) => (
                      <rect
                        key={f}
                        x={x - width / 2 + (slot * width) / owners.length}
                        y={y - 14}
                        width={width / owners.length}
                        height={28}
                        fill={`var(--series-${(f % 10) + 1})`}
                        opacity={0.75}
                      />
                    ))}
                    {step > 24 && (
                      <text x={x} y={y + 27} textAnchor="middle">
                        {set.join('') || '∅'}
                      </text>
                    )}
                  </g>
                );
              })}
          </g>
        );
      })}
    </svg>
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let p = 0; p < a.length; p++) if (a[p] !== b[p]) return a[p]! - b[p]!;
  return 0;
}

/** The colours of the families, in words too. */
export function FamilyLegend({ families }: { readonly families: Families }) {
  return (
    <ul className="tf-row" style={{ listStyle: 'none', padding: 0, margin: 0 }}>
      {families.map((family, f) => (
        <li key={f}>
          <svg width={12} height={12} aria-hidden="true">
            <rect width={12} height={12} rx={2} fill={`var(--series-${(f % 10) + 1})`} />
          </svg>{' '}
          {`F${f + 1}: ${family.length} sets`}
        </li>
      ))}
    </ul>
  );
}
