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
            <text x={x + 12} y={y + 4}>
              {site.name}
              {isDown ? ' (failed)' : ''}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
