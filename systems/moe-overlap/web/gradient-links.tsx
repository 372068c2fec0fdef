/** Weight gradients on the left, backward all-to-alls on the right, a line for each assignment. */
import type { OptimiseResult } from './results.ts';

const ROW_PX = 16;
const WIDTH_PX = 720;
const LEFT_PX = 300;
const RIGHT_PX = 460;

export function GradientLinks({ links }: { readonly links: OptimiseResult['dw'] }) {
  const gradients = links.flatMap(({ a2a, gradients: own }) => own.map((name) => ({ name, a2a })));
  if (gradients.length === 0) return <p>This plan moves no weight gradient.</p>;
  const height = ROW_PX * (gradients.length + 1);
  const step = height / (links.length + 1);
  const yOfA2a = new Map(links.map(({ a2a }, index) => [a2a, step * (index + 1)]));
  return (
    <svg
      className="overlap-links"
      viewBox={`0 0 ${WIDTH_PX} ${height}`}
      role="img"
      aria-label={`${gradients.length} weight gradients assigned to ${links.length} all-to-alls`}
    >
      {gradients.map(({ name, a2a }, index) => {
        const y = ROW_PX * (index + 1);
        return (
          <g key={name}>
            <text x={LEFT_PX - 6} y={y + 4} textAnchor="end">
              {name}
            </text>
            <line x1={LEFT_PX} y1={y} x2={RIGHT_PX} y2={yOfA2a.get(a2a)!} />
          </g>
        );
      })}
      {links.map(({ a2a }) => (
        <text key={a2a} x={RIGHT_PX + 6} y={yOfA2a.get(a2a)! + 4}>
          {a2a}
        </text>
      ))}
    </svg>
  );
}
