/** A matrix as coloured cells on a canvas: masks, confusion matrices, attention, bubbles. Up to a few million cells. */
import { useEffect, useRef, useState, type PointerEvent } from 'react';
import { useWidth } from '../widgets/use-width.ts';

export interface HeatMapProps {
  /** [rows, columns], row-major; NaN is drawn as empty. */
  readonly values: Float32Array | Float64Array | Uint8Array | readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** What is shown, for screen readers and the caption. */
  readonly label: string;
  readonly rowLabels?: readonly string[];
  readonly columnLabels?: readonly string[];
  /** Value range of the colours; default is the range of the data. */
  readonly range?: readonly [low: number, high: number];
  /** `sequential` from pale to ink blue; `diverging` around 0 or the middle of `range`. */
  readonly scale?: 'sequential' | 'diverging';
  readonly formatValue?: (value: number) => string;
  readonly onSelect?: (row: number, column: number) => void;
}

const MAX_CELL_PX = 40;

export function HeatMap(props: HeatMapProps) {
  const { values, rows, columns, label, rowLabels, columnLabels, scale = 'sequential', onSelect } = props;
  const formatValue = props.formatValue ?? ((value: number) => String(Number(value.toPrecision(4))));
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frame);
  const [hover, setHover] = useState<{ row: number; column: number }>();
  const low = props.range?.[0] ?? finiteExtreme(values, Math.min, Infinity);
  const high = props.range?.[1] ?? finiteExtreme(values, Math.max, -Infinity);
  useEffect(() => {
    const surface = canvas.current;
    if (!surface || rows === 0 || columns === 0) return;
    surface.width = columns;
    surface.height = rows;
    const context = surface.getContext('2d')!;
    const image = context.createImageData(columns, rows);
    paintCells(image.data, values, low, high, scale);
    context.putImageData(image, 0, 0);
  }, [values, rows, columns, low, high, scale]);
  const shownWidth = Math.min(width, columns * MAX_CELL_PX);
  const shownHeight = columns === 0 ? 0 : (shownWidth / columns) * rows;
  const cellAt = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : undefined;
  };
  return (
    <figure className="tf-heat-map">
      <figcaption className="tf-caption">
        {label}
        <span className="tf-heat-scale">
          {formatValue(low)} <i className={`is-${scale}`} aria-hidden="true" /> {formatValue(high)}
        </span>
      </figcaption>
      <div ref={frame}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${label}: ${rows} by ${columns} cells from ${formatValue(low)} to ${formatValue(high)}`}
          style={{ width: shownWidth, height: shownHeight, cursor: onSelect ? 'pointer' : undefined }}
          onPointerMove={(event) => setHover(cellAt(event))}
          onPointerLeave={() => setHover(undefined)}
          onClick={(event) => {
            const cell = cellAt(event as unknown as PointerEvent<HTMLCanvasElement>);
            if (cell) onSelect?.(cell.row, cell.column);
          }}
        />
      </div>
      <p className="tf-field-note tf-mono">
        {hover
          ? `${rowLabels?.[hover.row] ?? `row ${hover.row}`}, ${columnLabels?.[hover.column] ?? `column ${hover.column}`}: ${formatValue(Number(values[hover.row * columns + hover.column]))}`
          : 'Point at a cell to read it.'}
      </p>
    </figure>
  );
}

type Rgb = readonly [number, number, number];
const SEQUENTIAL: readonly Rgb[] = [
  [246, 243, 232],
  [196, 221, 214],
  [112, 172, 189],
  [38, 108, 150],
  [18, 45, 88],
];
const DIVERGING: readonly Rgb[] = [
  [156, 46, 30],
  [226, 150, 112],
  [245, 242, 236],
  [118, 170, 200],
  [22, 76, 128],
];

/** Mutates: pixels (RGBA). */
function paintCells(
  pixels: Uint8ClampedArray,
  values: HeatMapProps['values'],
  low: number,
  high: number,
  scale: 'sequential' | 'diverging',
): void {
  const stops = scale === 'sequential' ? SEQUENTIAL : DIVERGING;
  const reach = Math.max(Math.abs(low), Math.abs(high));
  const [start, end] = scale === 'diverging' && low < 0 && high > 0 ? [-reach, reach] : [low, high];
  const factor = end > start ? (stops.length - 1) / (end - start) : 0;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (Number.isNaN(value)) continue; // stays transparent
    const position = Math.min(stops.length - 1, Math.max(0, (value - start) * factor));
    const index = Math.min(stops.length - 2, Math.floor(position));
    const rest = position - index;
    for (let channel = 0; channel < 3; channel++)
      pixels[4 * i + channel] = stops[index]![channel]! * (1 - rest) + stops[index + 1]![channel]! * rest;
    pixels[4 * i + 3] = 255;
  }
}

function finiteExtreme(values: HeatMapProps['values'], pick: (a: number, b: number) => number, start: number): number {
  let result = start;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (Number.isFinite(value)) result = pick(result, value);
  }
  return Number.isFinite(result) ? result : 0;
}
