/** The layers as a bar, as wide as their time; borders between stages move with pointer or arrow keys. Below each cut the
 *  bytes that cross it, skips included; above each stage its round and memory. */
import { useRef } from 'react';
import type { PlanView } from '../src/verbs/plan-view.ts';

interface StageChainProps {
  readonly layers: PlanView['layers'];
  /** Ends of the stages, the last is the number of layers. */
  readonly ends: readonly number[];
  readonly onChange: (ends: readonly number[]) => void;
  /** Absent while the borders are being simulated. */
  readonly stages: PlanView['stages'] | undefined;
  readonly memoryCapBytes: number;
}

/** Narrower stages show no text. */
const STAGE_LABEL_SHARE = 0.12;

export function StageChain({ layers, ends, onChange, stages, memoryCapBytes }: StageChainProps) {
  const bar = useRef<HTMLDivElement>(null);
  const weights = layers.map(({ forwardMs, backwardMs }) => forwardMs + backwardMs);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const positions = weights.reduce<number[]>((sums, weight) => [...sums, sums.at(-1)! + weight / total], [0]);
  const mostBytes = Math.max(1, ...layers.map(({ cutBytes }) => cutBytes));
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
    <div className="pipe-stages">
      <div className="pipe-stage-row">
        {ends.map((end, stage) => {
          const share = positions[end]! - positions[ends[stage - 1] ?? 0]!;
          const facts = stages?.[stage];
          const isOver = facts !== undefined && facts.bytes > memoryCapBytes;
          const text = facts
            ? `${facts.replicas > 1 ? `× ${facts.replicas}, ` : ''}${facts.roundMs.toFixed(1)} ms, ${(facts.bytes / 2 ** 30).toFixed(1)} GiB`
            : '…';
          return (
            <div
              key={stage}
              className={isOver ? 'pipe-stage is-over' : 'pipe-stage'}
              style={{ width: `${100 * share}%` }}
              title={`Stage ${stage}: ${text} of ${(memoryCapBytes / 2 ** 30).toFixed(0)} GiB`}
            >
              <b>{stage}</b> {isOver ? 'over memory ' : ''}
              {share > STAGE_LABEL_SHARE ? text : ''}
            </div>
          );
        })}
      </div>
      <div className="pipe-chain" ref={bar} role="group" aria-label="Layers and stage borders">
        {layers.map((layer, index) => {
          const stage = ends.findIndex((end) => index < end);
          const isOver = stages !== undefined && (stages[stage]?.bytes ?? 0) > memoryCapBytes;
          return (
            <div
              key={index}
              className="pipe-layer"
              title={`${layer.name}: ${(layer.paramBytes / 1e6).toFixed(1)} MB weights, ${(layer.cutBytes / 1e6).toFixed(2)} MB a sample over the cut behind it`}
              style={{
                width: `${(100 * weights[index]!) / total}%`,
                background: isOver ? 'var(--bad-soft)' : `var(--bar-${(stage % 10) + 1})`,
              }}
            >
              <span>{layer.name}</span>
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
            aria-valuetext={`behind ${layers[end - 1]!.name}`}
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
      <div className="pipe-cuts" aria-hidden="true">
        {layers.slice(0, -1).map(({ cutBytes }, index) => (
          <i
            key={index}
            className={ends.includes(index + 1) ? 'is-border' : ''}
            style={{ left: `${100 * positions[index + 1]!}%`, height: `${(100 * cutBytes) / mostBytes}%` }}
          />
        ))}
      </div>
      <p className="pipe-note">
        Width: time of a layer. Ticks: bytes a sample over each cut, up to {(mostBytes / 1e6).toFixed(1)} MB; dark where
        a border stands.
      </p>
    </div>
  );
}
