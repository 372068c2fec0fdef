/** The radix tree as an icicle: depth in tokens to the right, one row a leaf. Filled: a checkpoint stands at the end;
 *  hatched: none; the colour fades with age; a thick frame marks the node that would be evicted next. */
import { useState } from 'react';
import type { FrameNode, TreePicture } from './results.ts';

const WIDTH = 900;
const ROW = 14;
const LONG_ROW = 18;
const FEW_ROWS = 24;
const MIN_OPACITY = 0.25;
const MIN_AGE_SCALE = 4;

interface Placed {
  readonly node: FrameNode;
  readonly row: number;
  readonly rows: number;
}

export function Icicle({ tree, maxTokens }: { readonly tree: TreePicture; readonly maxTokens?: number }) {
  const [hovered, setHovered] = useState<number>();
  const { placed, numRows } = place(tree.nodes);
  const node = tree.nodes.find(({ id }) => id === hovered);
  const width = maxTokens ?? Math.max(1, ...tree.nodes.map(({ end }) => end));
  const ageScale = Math.max(MIN_AGE_SCALE, ...tree.nodes.map(({ age }) => age / 2));
  const rowHeight = numRows <= FEW_ROWS ? LONG_ROW : ROW;
  const x = (tokens: number): number => (tokens / width) * WIDTH;
  return (
    <figure className="prefix-icicle">
      <Legend />
      <svg
        viewBox={`0 0 ${WIDTH} ${Math.max(1, numRows) * rowHeight}`}
        role="img"
        aria-label={`Radix tree of ${tree.nodes.length} nodes; ${tree.nodes.filter(({ hasState }) => hasState).length} hold a checkpoint`}
      >
        <Hatch />
        {placed.map(({ node: { id, start, end, hasState, age }, row, rows }) => (
          <rect
            key={id}
            x={x(start)}
            y={row * rowHeight + 1}
            width={Math.max(1, x(end) - x(start) - 1)}
            height={rows * rowHeight - 2}
            rx={2}
            className={`${hasState ? 'has-state' : 'has-none'}${id === tree.victim ? ' is-victim' : ''}`}
            fillOpacity={hasState ? Math.max(MIN_OPACITY, Math.exp(-age / ageScale)) : 1}
            onMouseEnter={() => setHovered(id)}
          />
        ))}
      </svg>
      <figcaption>
        {node === undefined
          ? 'Left to right: tokens from the start of the prompt. Point at a piece for its figures.'
          : describe(node, tree.victim)}
      </figcaption>
    </figure>
  );
}

function describe({ start, end, hasState, age, efficiency, id }: FrameNode, victim: number): string {
  const state = hasState ? 'a checkpoint stands at its end' : 'no checkpoint';
  const fate = id === victim ? '; the next to be evicted' : '';
  return `Tokens ${start.toLocaleString('en')}–${end.toLocaleString('en')}: ${state}, last used ${Math.round(age)} requests ago, a hit saves ${Math.round(efficiency).toLocaleString('en')} FLOPs per byte${fate}.`;
}

const SAMPLES = [
  { label: 'checkpoint, just used', className: 'has-state', opacity: 1 },
  { label: 'checkpoint, long unused', className: 'has-state', opacity: MIN_OPACITY },
  { label: 'keys and values only', className: 'has-none', opacity: 1 },
  { label: 'evicted next', className: 'has-state is-victim', opacity: MIN_OPACITY },
] as const;

function Legend() {
  return (
    <ul className="prefix-legend" aria-label="Legend">
      {SAMPLES.map(({ label, className, opacity }) => (
        <li key={label}>
          <svg viewBox="0 0 24 14" width="24" height="14" aria-hidden="true">
            <Hatch />
            <rect x="1.5" y="1.5" width="21" height="11" rx="2" className={className} fillOpacity={opacity} />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

function Hatch() {
  return (
    <defs>
      <pattern id="prefix-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line x1="0" y1="0" x2="0" y2="6" stroke="var(--line-strong)" strokeWidth="2" />
      </pattern>
    </defs>
  );
}

function place(nodes: readonly FrameNode[]): { readonly placed: readonly Placed[]; readonly numRows: number } {
  const childrenOf = new Map<number, FrameNode[]>();
  const ids = new Set(nodes.map(({ id }) => id));
  const tops: FrameNode[] = [];
  for (const node of nodes) {
    if (!ids.has(node.parent)) tops.push(node);
    else childrenOf.set(node.parent, [...(childrenOf.get(node.parent) ?? []), node]);
  }
  const placed: Placed[] = [];
  const visit = (node: FrameNode, row: number): number => {
    let rows = 0;
    for (const child of childrenOf.get(node.id) ?? []) rows += visit(child, row + rows);
    placed.push({ node, row, rows: Math.max(1, rows) });
    return Math.max(1, rows);
  };
  let numRows = 0;
  for (const top of tops) numRows += visit(top, numRows);
  return { placed, numRows };
}
