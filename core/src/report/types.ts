/** Report blocks: the one model of results that terminal, Markdown, HTML and studio render.
 *  Plain JSON: no functions, no typed arrays; big data is linked as an artifact, not inlined. */
import type { Diagnostic } from '../base/index.ts';

export type Cell = string | number | boolean | null;

export interface Column {
  readonly key: string;
  readonly label: string;
  /** Unit or space, shown in the header: `ms`, `nats`, `dB`. */
  readonly unit?: string;
  /** `percent` takes a ratio in 0..1. Default: text for strings, number otherwise. */
  readonly format?: 'text' | 'number' | 'percent' | 'bytes' | 'duration-ms' | 'count';
  /** Digits after the point (number, percent). */
  readonly digits?: number;
}

/** Tone is always paired with a word or shape when shown, never colour alone. */
export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'neutral';

export interface TextBlock {
  readonly kind: 'text';
  readonly text: string;
  /** Inline Markdown: `code`, **bold**, links. */ readonly markdown?: boolean;
}
export interface HeadingBlock {
  readonly kind: 'heading';
  readonly text: string;
  readonly level?: 1 | 2 | 3;
}
export interface FiguresBlock {
  readonly kind: 'figures';
  readonly figures: readonly Figure[];
}
export interface Figure {
  readonly label: string;
  readonly value: Cell;
  readonly unit?: string;
  readonly format?: Column['format'];
  readonly digits?: number;
  readonly tone?: Tone;
}
export interface TableBlock {
  readonly kind: 'table';
  readonly caption?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** Key of a column whose text names the tone of its row (`good`, `bad`, …). */
  readonly toneKey?: string;
}
/** A plot in terms of series; rendered by Observable Plot (HTML, studio) and by characters (terminal).
 *  `histogram` bins the x of the points, each weighing its y (1 counts). */
export interface PlotBlock {
  readonly kind: 'plot';
  readonly caption?: string;
  readonly mark: 'line' | 'dot' | 'bar' | 'area' | 'cell' | 'histogram';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Horizontal or vertical reference lines. */
  readonly rules?: readonly { readonly axis: 'x' | 'y'; readonly value: number; readonly label?: string }[];
}
export interface Axis {
  readonly label: string;
  readonly unit?: string;
  readonly scale?: 'linear' | 'log' | 'band' | 'point';
}
export interface Series {
  readonly name: string;
  readonly points: readonly PlotPoint[];
}
/** `value` colours cells (heat maps); `low`/`high` draw a band around y. */
export interface PlotPoint {
  readonly x: number | string;
  readonly y: number | string;
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
  readonly label?: string;
}
/** Spans on lanes; also exportable as Chrome trace JSON. Times in ms from the start. */
export interface TimelineBlock {
  readonly kind: 'timeline';
  readonly caption?: string;
  readonly lanes: readonly { readonly id: string; readonly label: string; readonly group?: string }[];
  readonly spans: readonly TimelineSpan[];
  readonly flows?: readonly { readonly from: string; readonly to: string }[];
  /** What 0 is, ms since 1970-01-01 in UTC: the axis then shows dates, not durations. */
  readonly epochMs?: number;
}
export interface TimelineSpan {
  readonly id: string;
  readonly lane: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly category?: string;
  readonly args?: Readonly<Record<string, Cell>>;
}
/** PNG/JPEG/SVG as a data URL or an artifact path of the run. */
export interface ImageBlock {
  readonly kind: 'image';
  readonly source: string;
  readonly alt: string;
  readonly caption?: string;
  readonly pixelated?: boolean;
}
export interface CalloutBlock {
  readonly kind: 'callout';
  readonly tone: Tone;
  readonly title: string;
  readonly text?: string;
}
export interface CodeBlock {
  readonly kind: 'code';
  readonly text: string;
  readonly language?: string;
  readonly caption?: string;
}
/** A diagnostic shown where the result would have been. */
export interface DiagnosticBlock {
  readonly kind: 'diagnostic';
  readonly diagnostic: Diagnostic;
}
export interface GroupBlock {
  readonly kind: 'group';
  readonly title?: string;
  readonly layout?: 'stack' | 'grid';
  readonly blocks: readonly Block[];
}

export type Block =
  | TextBlock
  | HeadingBlock
  | FiguresBlock
  | TableBlock
  | PlotBlock
  | TimelineBlock
  | ImageBlock
  | CalloutBlock
  | CodeBlock
  | DiagnosticBlock
  | GroupBlock;

export interface Report {
  readonly title: string;
  /** One sentence with the answer. */
  readonly verdict: { readonly tone: Tone; readonly text: string };
  readonly blocks: readonly Block[];
}
