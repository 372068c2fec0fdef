/** The layers as a bar, as wide as their time, with borders between stages that pointer or arrow keys move. */
import { useRef } from 'react';
import type { PlanView } from '../src/verbs/plan-view.ts';

interface StageChainProps {
  readonly layers: PlanView['layers'];
  /** Ends of the stages, the last is the number of layers. */
  readonly ends: readonly number[];
  readonly onChange: (ends: readonly number[]) => void;
}

export function StageChain({ layers, ends, onChange }: StageChainProps) {
  const bar = useRef<HTMLDivElement>(null);
  const weights = layers.map(({ forwardMs, backwardMs }) => forwardMs + backwardMs);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const positions = weights.reduce<number[]>((sums, weight) => [...sums, sums.at(-1)! + weight / total], [0]);
  const move = (border: number, layer: number): void => {
    const low = (ends[border - 1] ?? 0) + 1;
    const high = ends[border + 1]! - 1;
    const clamped = Math.min(high, Math.max(low, layer));
    if (clamped !== ends[border]) onChange(ends.map((end, index) => (index === border ? clamped : end)));
  };
  const layerAt = (clientX: number): number => {
    const { left, width } = bar.current!.getBoundingClientRect();
    const share = (clientX - left) / width;
    return positions.reduce(
      (best, position, layer) => (Math.abs(position - share) < Math.abs(positions[best]! - share) ? layer : best),
      0,
    );
  };
  return (
    <div className="pipe-chain" ref={bar} role="group" aria-label="Layers and stage borders">
      {layers.map((layer, index) => {
        const stage = ends.findIndex((end) => index < end);
        return (
          <div
            key={index}
            className="pipe-layer"
            title={`${layer.name}: ${(layer.paramBytes / 1e6).toFixed(1)} MB weights, ${(layer.cutBytes / 1e6).toFixed(2)} MB a sample over the cut behind it`}
            style={{
              width: `${(100 * weights[index]!) / total}%`,
              background: `color-mix(in srgb, var(--series-${(stage % 10) + 1}) 35%, transparent)`,
            }}
          >
            {layer.name}
          </div>
        );
      })}
      {ends.slice(0, -1).map((end, border) => (
        <button
          key={border}
          type="button"
          className="pipe-border"
          role="slider"
          aria-label={`Border between stages ${border} and ${border + 1}`}
          aria-valuemin={(ends[border - 1] ?? 0) + 1}
          aria-valuemax={ends[border + 1]! - 1}
          aria-valuenow={end}
          style={{ left: `${100 * positions[end]!}%` }}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => {
            if (event.currentTarget.hasPointerCapture(event.pointerId)) move(border, layerAt(event.clientX));
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowLeft') move(border, end - 1);
            if (event.key === 'ArrowRight') move(border, end + 1);
          }}
        />
      ))}
    </div>
  );
}
