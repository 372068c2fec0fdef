/** Target samples in the plane of their features: colour is the pseudo-label, size the doubt, stars the bases. */
import { Button, Checkbox, Panel, Row, Slider, Stack } from '@tenfold/ui';
import { useEffect, useMemo, useState } from 'react';
import { NOT_MEASURED } from '../src/not-measured.ts';
import type { AdaptJson, RoundView } from '../src/outputs/adapt-json.ts';

const SIZE = { width: 720, height: 480 } as const;
const PAD = 24;
const MS_PER_ROUND = 900;
/** Largest variance that a pooled label can have. */
const MOST_DOUBT = 0.25;

export function FeatureMap({ result }: { readonly result: AdaptJson }) {
  const { views, classNames, truth, methods } = result;
  const last = views.length - 1;
  const [place, setPlace] = useState(last);
  const [isPlaying, setPlaying] = useState(false);
  const [showsMistakes, setShowsMistakes] = useState(false);
  const view = views[Math.min(place, last)];
  useEffect(() => {
    if (!isPlaying) return;
    if (place >= last) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => setPlace(place + 1), MS_PER_ROUND);
    return () => clearTimeout(timer);
  }, [isPlaying, place, last]);
  const scale = useMemo(() => scaleOf(views), [views]);
  const round = methods[0].rounds[view.round];
  const numWrong = truth && view.label.filter((label, i) => truth[i] >= 0 && truth[i] !== label).length;
  return (
    <Stack>
      <Row>
        <Button
          onClick={() => {
            if (place >= last) setPlace(0);
            setPlaying(!isPlaying);
          }}
        >
          {isPlaying ? 'Pause' : 'Play the rounds'}
        </Button>
        <Slider label={`Round ${view.round}`} min={0} max={last} value={place} onChange={setPlace} />
        {truth && <Checkbox label="Ring the wrong labels" checked={showsMistakes} onChange={setShowsMistakes} />}
      </Row>
      <Panel title={`${result.targetName}, ${view.x.length} samples`}>
        <svg
          className="st-map"
          viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
          role="img"
          aria-label={`Feature map of round ${view.round}: ${view.x.length} samples, ${view.bases.length} bases`}
        >
          {view.x.map((x, i) => (
            <circle
              key={i}
              className={`st-point${view.accepted[i] === 1 ? '' : ' is-open'}${showsMistakes && truth && truth[i] >= 0 && truth[i] !== view.label[i] ? ' is-wrong' : ''}`}
              style={{ '--point': colourOf(view.label[i]) } as React.CSSProperties}
              cx={scale.x(x)}
              cy={scale.y(view.y[i])}
              r={2.5 + 6 * Math.sqrt(Math.min(1, view.variance[i] / MOST_DOUBT))}
            >
              <title>
                {`${classNames[view.label[i]]}, variance ${view.variance[i].toFixed(3)}${truth && truth[i] >= 0 ? `, true ${classNames[truth[i]]}` : ''}`}
              </title>
            </circle>
          ))}
          {view.bases.map((basis, k) => (
            <g
              key={k}
              className="st-basis"
              style={{ transform: `translate(${scale.x(basis.x)}px, ${scale.y(basis.y)}px)` }}
            >
              <path d={STAR} style={{ fill: colourOf(basis.label) }} />
              <text x={10} y={5}>
                {classNames[basis.label]}
              </text>
            </g>
          ))}
        </svg>
        <p className="st-hint">
          Colour is the pseudo-label, size the doubt; filled points are trained on next, stars are the bases that EM
          found. EM and network agree on {(100 * round.agreement).toFixed(1)} %
          {numWrong === undefined ? `. ${NOT_MEASURED}.` : `; ${numWrong} of these labels are wrong.`}
        </p>
      </Panel>
    </Stack>
  );
}

const STAR = 'M0 -9 L2.4 -3 L9 -2.8 L3.8 1.4 L5.6 8 L0 4.2 L-5.6 8 L-3.8 1.4 L-9 -2.8 L-2.4 -3 Z';

const colourOf = (label: number): string => `var(--series-${(label % 10) + 1})`;

/** One scale for all rounds, so that movement is movement. */
function scaleOf(views: readonly RoundView[]) {
  const xs = views.flatMap(({ x, bases }) => [...x, ...bases.map((basis) => basis.x)]);
  const ys = views.flatMap(({ y, bases }) => [...y, ...bases.map((basis) => basis.y)]);
  const between = (values: readonly number[], from: number, to: number) => {
    const sorted = values.toSorted((a, b) => a - b);
    const [low, high] = [sorted[0], sorted.at(-1)!];
    return (value: number) => from + ((value - low) / Math.max(high - low, 1e-9)) * (to - from);
  };
  return { x: between(xs, PAD, SIZE.width - 3 * PAD), y: between(ys, SIZE.height - PAD, PAD) };
}
