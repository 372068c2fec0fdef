/** Metrics of a run as they arrive: one small chart a name, drawn by uPlot, which keeps up with tens of thousands of points. */
import type { MetricPoint } from '@tenfold/core/store';
import { useEffect, useMemo, useRef } from 'react';
import UPlot from 'uplot';
import { useThemeName } from '../timeline/timeline-colours.ts';
import { useWidth } from '../widgets/use-width.ts';

const HEIGHT_PX = 170;
/** Steps are counted: no tick between two of them. */
const STEP_INCREMENTS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

export function LiveChart({ points }: { readonly points: readonly MetricPoint[] }) {
  const names = useMemo(() => [...new Set(points.map((point) => point.name))], [points]);
  if (points.length === 0) return null;
  return (
    <section className="tf-live-charts" aria-label="Metrics">
      {names.map((name) => (
        <MetricChart key={name} name={name} points={points} />
      ))}
    </section>
  );
}

function MetricChart({ name, points }: { readonly name: string; readonly points: readonly MetricPoint[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot>(undefined);
  const width = useWidth(frame);
  const theme = useThemeName();
  const data = useMemo(() => {
    const own = points.filter((point) => point.name === name).sort((a, b) => a.step - b.step);
    return [own.map((point) => point.step), own.map((point) => point.value)] as [number[], number[]];
  }, [points, name]);
  useEffect(() => {
    const place = frame.current;
    if (!place || width === 0) return;
    const style = getComputedStyle(place);
    const token = (key: string) => style.getPropertyValue(key).trim();
    const axis = {
      stroke: token('--ink-3'),
      font: `11px ${token('--font-sans')}`,
      grid: { stroke: token('--line'), width: 1 },
      ticks: { show: false },
    };
    const plot = new UPlot(
      {
        width,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: false } },
        axes: [
          { ...axis, incrs: STEP_INCREMENTS },
          { ...axis, size: 56 },
        ],
        series: [{}, { stroke: token('--series-1'), width: 1.6 }],
      },
      [[], []],
      place,
    );
    chart.current = plot;
    return () => {
      chart.current = undefined;
      plot.destroy();
    };
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- another theme has other token values
  }, [width, theme]);
  useEffect(() => {
    chart.current?.setData(data);
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- a chart of another size or theme starts empty
  }, [data, width, theme]);
  const last = data[1].at(-1);
  return (
    <figure className="tf-live-chart">
      <figcaption>
        <span className="tf-caption">{name}</span>
        <span className="tf-mono">{last === undefined ? '' : Number(last.toPrecision(5))}</span>
      </figcaption>
      <div ref={frame} role="img" aria-label={`${name} by step, ${data[0].length} points`} />
    </figure>
  );
}
