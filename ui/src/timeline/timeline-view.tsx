/** A timeline to look around in: wheel and drag, W/S zoom, A/D move, arrows walk spans, / searches, 0 shows all. */
import { formatDuration } from '@tenfold/core/base';
import { isoDate } from '@tenfold/core/report';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { formatCell } from '../blocks/format-cell.ts';
import { Button } from '../widgets/button.tsx';
import { useWidth } from '../widgets/use-width.ts';
import { legendEntries } from './category-places.ts';
import { AXIS_PX, drawTimeline, LABEL_PX, rowAt, rowTops } from './draw-timeline.ts';
import { useCategoryPlaces } from './shared-categories.tsx';
import { findSpanAt, type Timeline } from './timeline-columns.ts';
import { NUM_BAR_COLOURS, readTimelineColours, useThemeName } from './timeline-colours.ts';
import { dependenciesOf, searchSpans } from './timeline-search.ts';
import {
  movedViewport,
  wholeViewport,
  zoomedViewport,
  type Viewport,
  type ViewportLimits,
} from './timeline-viewport.ts';

const MAX_HEIGHT_PX = 560;
const NARROW_PX = 560;
const NARROW_LABEL_PX = 84;
const HIT_SLACK_PX = 2;

export interface TimelineViewProps {
  readonly timeline: Timeline;
  readonly caption?: string | undefined;
  /** Default 560; fewer lanes take less. */
  readonly maxHeightPx?: number;
  readonly onSelect?: (span: number | undefined) => void;
}

export function TimelineView({ timeline, caption, maxHeightPx = MAX_HEIGHT_PX, onSelect }: TimelineViewProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frame);
  const theme = useThemeName();
  const places = useCategoryPlaces(timeline.categories);
  const legend = legendEntries(timeline.categories, places, timeline.startMs.length);
  const tops = useMemo(() => rowTops(timeline), [timeline]);
  const contentPx = tops[tops.length - 1]! + AXIS_PX + 8;
  const height = Math.min(maxHeightPx, contentPx);
  const labelPx = width < NARROW_PX ? NARROW_LABEL_PX : LABEL_PX;
  const limits = useMemo<ViewportLimits>(
    () => ({ firstMs: timeline.firstMs, lastMs: timeline.lastMs, maxOffsetPx: contentPx - height }),
    [timeline, contentPx, height],
  );
  const [view, setView] = useState<Viewport>(() => wholeViewport(limits));
  const [hovered, setHovered] = useState<number>();
  const [selected, setSelected] = useState<number>();
  const [query, setQuery] = useState('');
  const found = useMemo(() => searchSpans(timeline, query), [timeline, query]);
  const [foundIndex, setFoundIndex] = useState(0);
  const [shownTimeline, setShownTimeline] = useState(timeline);
  if (shownTimeline !== timeline) {
    setShownTimeline(timeline);
    setView(wholeViewport(limits));
    setHovered(undefined);
    setSelected(undefined);
  }
  useEffect(() => {
    const surface = canvas.current;
    if (!surface || width === 0) return;
    const request = requestAnimationFrame(() => {
      const ratio = window.devicePixelRatio || 1;
      const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (surface.width !== pixelWidth || surface.height !== pixelHeight) {
        surface.width = pixelWidth;
        surface.height = pixelHeight;
      }
      const context = surface.getContext('2d')!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      drawTimeline(context, timeline, tops, readTimelineColours(surface, theme), {
        view,
        width,
        height,
        labelPx,
        hovered,
        selected,
        matches: found?.matches,
        places,
      });
    });
    return () => cancelAnimationFrame(request);
  }, [timeline, tops, view, width, height, labelPx, hovered, selected, found, places, theme]);

  const timeAt = (x: number) => timeInView(view, x, width, labelPx);
  useEffect(() => {
    const surface = canvas.current;
    if (!surface || width === 0) return;
    // React's wheel listeners are passive; zooming must keep the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      const { deltaX, deltaY, offsetX } = event;
      if (event.ctrlKey || event.metaKey) {
        const factor = Math.exp(deltaY * 0.004);
        setView((current) => zoomedViewport(current, factor, timeInView(current, offsetX, width, labelPx), limits));
      } else if (event.shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) {
        setView((current) => movedViewport(current, (deltaX || deltaY) / (width - labelPx), 0, limits));
      } else if (limits.maxOffsetPx > 0) {
        setView((current) => movedViewport(current, 0, deltaY, limits));
      } else return;
      event.preventDefault();
    };
    surface.addEventListener('wheel', onWheel, { passive: false });
    return () => surface.removeEventListener('wheel', onWheel);
  }, [limits, width, labelPx]);

  const spanAt = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const row = rowAt(tops, event.clientY - box.top - AXIS_PX + view.offsetPx);
    if (row < 0 || event.clientX - box.left < labelPx) return undefined;
    const slackMs = (HIT_SLACK_PX * (view.endMs - view.startMs)) / (width - labelPx);
    return findSpanAt(timeline, timeline.rows[row]!, timeAt(event.clientX - box.left), slackMs);
  };
  const drag = useRef<{ x: number; y: number; moved: boolean }>(undefined);
  const select = (span: number | undefined) => {
    setSelected(span);
    onSelect?.(span);
  };
  const reveal = (span: number) => {
    const length = Math.max((timeline.endMs[span]! - timeline.startMs[span]!) * 12, (view.endMs - view.startMs) * 0.05);
    const middle = (timeline.startMs[span]! + timeline.endMs[span]!) / 2;
    setView(
      movedViewport(
        {
          startMs: middle - length / 2,
          endMs: middle + length / 2,
          offsetPx: tops[timeline.rowOf[span]!]! - height / 3,
        },
        0,
        0,
        limits,
      ),
    );
    select(span);
  };
  const showFound = (index: number) => {
    if (!found || found.spans.length === 0) return;
    const next = (index + found.spans.length) % found.spans.length;
    setFoundIndex(next);
    reveal(found.spans[next]!);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = (view.startMs + view.endMs) / 2;
    const actions: Readonly<Record<string, () => void>> = {
      w: () => setView(zoomedViewport(view, 0.8, middle, limits)),
      s: () => setView(zoomedViewport(view, 1.25, middle, limits)),
      a: () => setView(movedViewport(view, -0.12, 0, limits)),
      d: () => setView(movedViewport(view, 0.12, 0, limits)),
      arrowup: () => setView(movedViewport(view, 0, -44, limits)),
      arrowdown: () => setView(movedViewport(view, 0, 44, limits)),
      arrowright: () => step(1),
      arrowleft: () => step(-1),
      '0': () => setView(wholeViewport(limits)),
      escape: () => select(undefined),
    };
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
  const step = (direction: 1 | -1) => {
    if (timeline.order.length === 0) return;
    const row = selected === undefined ? timeline.rows[0]! : timeline.rows[timeline.rowOf[selected]!]!;
    const place = selected === undefined ? row.start - direction : timeline.order.indexOf(selected, row.start);
    const next = Math.min(row.end - 1, Math.max(row.start, place + direction));
    if (next >= 0) reveal(timeline.order[next]!);
  };
  return (
    <figure className="tf-timeline">
      <figcaption>
        <span className="tf-caption">{caption}</span>
        <span className="tf-field-note">{timeline.startMs.length.toLocaleString('en-US')} spans</span>
        <input
          className="tf-input is-search"
          type="search"
          placeholder="Find a span"
          aria-label="Find a span"
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setFoundIndex(0);
          }}
          onKeyDown={(event) =>
            event.key === 'Enter' && showFound(foundIndex + (event.shiftKey ? -1 : selected === undefined ? 0 : 1))
          }
        />
        {found && (
          <span className="tf-field-note">
            {found.spans.length.toLocaleString('en-US')} found · Enter goes to the next
          </span>
        )}
        <span className="tf-row">
          <Button
            size="s"
            variant="quiet"
            onClick={() => setView(zoomedViewport(view, 0.6, (view.startMs + view.endMs) / 2, limits))}
          >
            Zoom in
          </Button>
          <Button size="s" variant="quiet" onClick={() => setView(wholeViewport(limits))}>
            Show all
          </Button>
        </span>
      </figcaption>
      {legend.length > 0 && (
        <ul className="tf-legend" aria-label="Colours">
          {legend.map(({ name, place }) => (
            <li key={name}>
              <span style={{ background: `var(--bar-${(place % NUM_BAR_COLOURS) + 1})` }} aria-hidden="true" />
              {name}
            </li>
          ))}
        </ul>
      )}
      <div ref={frame} className="tf-timeline-frame" style={{ height }}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`${caption ?? 'Timeline'}: ${timeline.lanes.length} lanes, ${formatDuration(timeline.lastMs - timeline.firstMs)}. W and S zoom, A and D move, arrow keys walk the spans.`}
          style={{ width: '100%', height }}
          onKeyDown={onKeyDown}
          onPointerDown={(event) => {
            drag.current = { x: event.clientX, y: event.clientY, moved: false };
            event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={(event) => {
            const start = drag.current;
            if (!start) return setHovered(spanAt(event));
            const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
            if (!start.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
            drag.current = { x: event.clientX, y: event.clientY, moved: true };
            setView((current) => movedViewport(current, -dx / (width - labelPx), -dy, limits));
          }}
          onPointerUp={(event) => {
            if (drag.current && !drag.current.moved) select(spanAt(event));
            drag.current = undefined;
          }}
          onPointerLeave={() => setHovered(undefined)}
          onDoubleClick={(event) => setView(zoomedViewport(view, 0.4, timeAt(event.nativeEvent.offsetX), limits))}
        />
      </div>
      <SpanDetails timeline={timeline} span={hovered ?? selected} hasMoreLanes={limits.maxOffsetPx > 0} onGo={reveal} />
    </figure>
  );
}

function timeInView(view: Viewport, x: number, width: number, labelPx: number): number {
  return view.startMs + ((x - labelPx) / (width - labelPx)) * (view.endMs - view.startMs);
}

function SpanDetails({
  timeline,
  span,
  hasMoreLanes,
  onGo,
}: {
  readonly timeline: Timeline;
  readonly span: number | undefined;
  /** Some lie outside the picture. */
  readonly hasMoreLanes: boolean;
  readonly onGo: (span: number) => void;
}) {
  if (span === undefined || span >= timeline.startMs.length)
    return (
      <p className="tf-timeline-hint tf-field-note">
        Point at a span for its times. <kbd>W</kbd> <kbd>S</kbd> zoom, <kbd>A</kbd> <kbd>D</kbd> move, <kbd>←</kbd>{' '}
        <kbd>→</kbd> walk, <kbd>0</kbd> all.
        {hasMoreLanes && (
          <>
            {' '}
            More lanes below: wheel, or <kbd>↑</kbd> <kbd>↓</kbd>.
          </>
        )}
      </p>
    );
  const { before, after } = dependenciesOf(timeline, span);
  const args = Object.entries(timeline.argsOf?.(span) ?? {});
  const nameOf = (index: number) => timeline.names[timeline.name[index]!]!;
  const links = (spans: readonly number[]) =>
    spans.slice(0, 4).map((index) => (
      <button key={index} type="button" className="tf-link" onClick={() => onGo(index)}>
        {nameOf(index)}
      </button>
    ));
  return (
    <div className="tf-timeline-details">
      <strong>{nameOf(span)}</strong>
      <span>{timeline.lanes[timeline.lane[span]!]!.label}</span>
      <span>
        {timeline.epochMs === undefined
          ? `${formatDuration(timeline.endMs[span]! - timeline.startMs[span]!)} from ${formatDuration(timeline.startMs[span]! - timeline.firstMs)}`
          : `${isoDate(timeline.epochMs + timeline.startMs[span]!)} to ${isoDate(timeline.epochMs + timeline.endMs[span]!)}`}
      </span>
      {args.map(([key, value]) => (
        <span key={key}>
          {key} <code>{formatCell(value)}</code>
        </span>
      ))}
      {before.length > 0 && <span>after {links(before)}</span>}
      {after.length > 0 && <span>before {links(after)}</span>}
    </div>
  );
}
