/** What part of a timeline is in sight: a time range and a vertical offset. All functions return new values. */
import { isoDate } from '@tenfold/core/report';

export interface Viewport {
  readonly startMs: number;
  readonly endMs: number;
  /** Scrolled distance from the first row, px. */
  readonly offsetPx: number;
}

export interface ViewportLimits {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly maxOffsetPx: number;
}

const MIN_SPAN_MS = 1e-6;

/** Zooms around a fixed time. @param factor  below 1 zooms in */
export function zoomedViewport(view: Viewport, factor: number, aroundMs: number, limits: ViewportLimits): Viewport {
  const whole = (limits.lastMs - limits.firstMs) * 1.04;
  const length = Math.min(whole, Math.max(MIN_SPAN_MS, (view.endMs - view.startMs) * factor));
  const share = (aroundMs - view.startMs) / (view.endMs - view.startMs);
  const startMs = aroundMs - share * length;
  return clampedViewport({ ...view, startMs, endMs: startMs + length }, limits);
}

/** Moves by a share of the visible time and by pixels. */
export function movedViewport(view: Viewport, timeShare: number, deltaPx: number, limits: ViewportLimits): Viewport {
  const shift = (view.endMs - view.startMs) * timeShare;
  return clampedViewport(
    { startMs: view.startMs + shift, endMs: view.endMs + shift, offsetPx: view.offsetPx + deltaPx },
    limits,
  );
}

/** The whole timeline with a small margin. */
export function wholeViewport(limits: ViewportLimits): Viewport {
  const margin = (limits.lastMs - limits.firstMs) * 0.02;
  return { startMs: limits.firstMs - margin, endMs: limits.lastMs + margin, offsetPx: 0 };
}

function clampedViewport(view: Viewport, limits: ViewportLimits): Viewport {
  const length = view.endMs - view.startMs;
  const margin = (limits.lastMs - limits.firstMs) * 0.02;
  const startMs = Math.min(
    Math.max(view.startMs, limits.firstMs - margin),
    limits.lastMs + margin - Math.min(length, limits.lastMs - limits.firstMs + 2 * margin),
  );
  return {
    startMs,
    endMs: startMs + length,
    offsetPx: Math.min(Math.max(0, view.offsetPx), Math.max(0, limits.maxOffsetPx)),
  };
}

/** Round tick times: 1, 2 or 5 times a power of ten, about `numTicks` of them. */
export function tickTimes(
  startMs: number,
  endMs: number,
  numTicks: number,
): { readonly stepMs: number; readonly times: number[] } {
  const rough = (endMs - startMs) / Math.max(1, numTicks);
  const power = 10 ** Math.floor(Math.log10(rough));
  const stepMs = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
  const times: number[] = [];
  for (let index = Math.ceil(startMs / stepMs); index * stepMs <= endMs; index++) times.push(index * stepMs);
  return { stepMs, times };
}

/** A time as text with a unit that suits the step between ticks; a date where the timeline says what 0 is. */
export function formatTick(timeMs: number, stepMs: number, epochMs?: number): string {
  if (epochMs !== undefined) return isoDate(epochMs + timeMs);
  const [factor, unit] =
    stepMs >= 1000 ? [1e-3, 's'] : stepMs >= 1 ? [1, 'ms'] : stepMs >= 1e-3 ? [1e3, 'µs'] : [1e6, 'ns'];
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(stepMs * factor) + 1e-9)));
  return `${(timeMs * factor).toFixed(digits)} ${unit}`;
}
