/** The radix tree as an icicle: depth in tokens to the right, one row a leaf. Filled: a checkpoint stands at the end;
 *  hatched: none; the colour fades with age; a thick frame marks the node that would be evicted next. */
import { useState } from 'react';
import type { Frame, FrameNode } from '../src/sim/playback.ts';

const WIDTH = 900;
const ROW = 14;
const MIN_OPACITY = 0.25;
const AGE_SCALE = 30;

interface Placed {
  readonly node: FrameNode;
  readonly row: number;
  readonly rows: number;
}

export function Icicle({ frame, maxTokens }: { readonly frame: Frame; readonly maxTokens: number }) {
  const [hovered, setHovered] = useState<FrameNode>();
  const { placed, numRows } = place(frame.nodes);
  const x = (tokens: number): number => (tokens / maxTokens) * WIDTH;
  return (
    <figure className="prefix-icicle">
      <svg
        viewBox={`0 0 ${WIDTH} ${Math.max(1, numRows) * ROW}`}
        role="img"
        aria-label={`Radix tree with ${frame.nodes.length} nodes after ${frame.served} requests`}
      >
        <defs>
          <pattern id="prefix-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line x1="0" y1="0" x2="0" y2="6" stroke="var(--border-strong, currentColor)" strokeWidth="1.5" />
          </pattern>
        </defs>
        {placed.map(({ node, row, rows }) => (
          <rect
            key={node.id}
            x={x(node.start)}
            y={row * ROW + 1}
            width={Math.max(1, x(node.end) - x(node.start) - 1)}
            height={rows * ROW - 2}
            fill={node.hasState ? 'var(--series-1)' : 'url(#prefix-hatch)'}
            fillOpacity={node.hasState ? Math.max(MIN_OPACITY, Math.exp(-node.age / AGE_SCALE)) : 1}
            stroke={node.id === frame.victim ? 'var(--series-2)' : 'none'}
            strokeWidth={3}
            onMouseEnter={() => setHovered(node)}
          />
        ))}
      </svg>
      <figcaption>
        {hovered === undefined
          ? 'Filled: checkpoint at the end. Hatched: keys and values only. Faded: long unused. Framed: next to be evicted. Point at a node for its figures.'
          : `Tokens ${hovered.start}–${hovered.end}, ${hovered.hasState ? 'with' : 'without'} a checkpoint, last used ${hovered.age} requests ago, ${Math.round(hovered.efficiency).toLocaleString('en')} FLOPs saved per byte${hovered.id === frame.victim ? ', next to be evicted' : ''}.`}
      </figcaption>
    </figure>
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
