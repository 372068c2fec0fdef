/** Sites placed so that distances resemble round-trip times; lines join the members of the most used read quorum. */
import type { PlanJson } from '../src/quorum/report.ts';

const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = 60;

export function QuorumMap({
  plan,
  chosen,
  down,
  onToggle,
}: {
  readonly plan: PlanJson;
  readonly chosen: PlanJson['plans'][number];
  readonly down: ReadonlySet<string>;
  readonly onToggle: (site: string) => void;
}) {
  const xs = plan.sites.map((site) => site.x);
  const ys = plan.sites.map((site) => site.y);
  const scale = Math.min(
    (WIDTH - 2 * MARGIN) / (Math.max(...xs) - Math.min(...xs) || 1),
    (HEIGHT - 2 * MARGIN) / (Math.max(...ys) - Math.min(...ys) || 1),
  );
  const place = new Map(
    plan.sites.map((site) => [
      site.name,
      { x: MARGIN + (site.x - Math.min(...xs)) * scale, y: MARGIN + (site.y - Math.min(...ys)) * scale },
    ]),
  );
  const labels = placeLabels(plan.sites.map((site) => ({ name: site.name, ...place.get(site.name)! })));
  const quorum = chosen.reads.find(({ members }) => members.every((member) => !down.has(member)))?.members ?? [];
  return (
    <svg className="families-map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label="Sites by round-trip time">
      {quorum.flatMap((a, index) =>
        quorum
          .slice(index + 1)
          .map((b) => (
            <line
              key={`${a} ${b}`}
              x1={place.get(a)!.x}
              y1={place.get(a)!.y}
              x2={place.get(b)!.x}
              y2={place.get(b)!.y}
            />
          )),
      )}
      {plan.sites.map((site) => {
        const { x, y } = place.get(site.name)!;
        const isSite = chosen.sites.includes(site.name);
        const isDown = down.has(site.name);
        return (
          <g
            key={site.name}
            {...(isSite
              ? {
                  role: 'button',
                  tabIndex: 0,
                  'aria-pressed': isDown,
                  'aria-label': `${site.name}, ${isDown ? 'failed; press to bring back' : 'up; press to fail'}`,
                  onClick: () => onToggle(site.name),
                  onKeyDown: (event: { key: string; preventDefault: () => void }) => {
                    if (event.key !== 'Enter' && event.key !== ' ') return;
                    event.preventDefault();
                    onToggle(site.name);
                  },
                  style: { cursor: 'pointer' },
                }
              : {})}
          >
            <circle
              cx={x}
              cy={y}
              r={isSite ? 9 : 5}
              className={isDown ? 'is-down' : isSite ? 'is-site' : 'is-candidate'}
            />
            {isDown && (
              <path
                d={`M${x - 5} ${y - 5} L${x + 5} ${y + 5} M${x + 5} ${y - 5} L${x - 5} ${y + 5}`}
                stroke="var(--bad)"
                strokeWidth={2}
              />
            )}
            <text {...labels.get(site.name)!}>
              {site.name}
              {isDown ? ' (failed)' : ''}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

const CHAR_WIDTH = 7.2;
const LINE_HEIGHT = 15;

interface Label {
  readonly x: number;
  readonly y: number;
  readonly textAnchor: 'start' | 'end';
}

/** Right or left of the dot, on the nearest free line; greedy from top to bottom. */
function placeLabels(
  dots: readonly { readonly name: string; readonly x: number; readonly y: number }[],
): ReadonlyMap<string, Label> {
  const taken: { left: number; right: number; y: number }[] = dots.map(({ x, y }) => ({
    left: x - 9,
    right: x + 9,
    y,
  }));
  const labels = new Map<string, Label>();
  for (const { name, x, y } of dots.toSorted((a, b) => a.y - b.y)) {
    const width = name.length * CHAR_WIDTH;
    const candidates = [0, -1, 1, -2, 2, -3, 3].flatMap((line) =>
      (['start', 'end'] as const).map((textAnchor) => ({
        x: textAnchor === 'start' ? x + 13 : x - 13,
        y: y + 4 + line * LINE_HEIGHT,
        textAnchor,
      })),
    );
    const boxOf = (label: Label) => ({
      left: label.textAnchor === 'start' ? label.x : label.x - width,
      right: label.textAnchor === 'start' ? label.x + width : label.x,
      y: label.y - 4,
    });
    const free = candidates.find((label) => {
      const box = boxOf(label);
      return taken.every(
        (other) => other.right < box.left || other.left > box.right || Math.abs(other.y - box.y) >= LINE_HEIGHT - 1,
      );
    });
    const label = free ?? candidates[0]!;
    taken.push(boxOf(label));
    labels.set(name, label);
  }
  return labels;
}
