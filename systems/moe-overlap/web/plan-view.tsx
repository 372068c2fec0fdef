/** A planned step: figures, both orders, the matching, and what else the report holds. */
import type { Block, TimelineBlock } from '@tenfold/core/report';
import { BlockView, FigureRow, Panel, Stack } from '@tenfold/ui';
import { GradientMatching } from './gradient-matching.tsx';
import { LaneCompare } from './lane-compare.tsx';
import type { OptimiseResult } from './results.ts';

export function PlanView({
  result: { speedUp, exposedRatio, optimiseMs, matching },
  timelines,
  others = [],
}: {
  readonly result: OptimiseResult;
  /** As written, planned. */
  readonly timelines: readonly TimelineBlock[];
  readonly others?: readonly Block[];
}) {
  const names = ['As written', 'Planned'];
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'predicted speed-up', value: speedUp, unit: '×', format: 'number', digits: 2 },
          { label: 'exposed communication left', value: exposedRatio, format: 'percent', digits: 1 },
          { label: 'optimised in', value: optimiseMs, format: 'duration-ms' },
        ]}
      />
      <Panel title="One step, before and after">
        <LaneCompare orders={timelines.map((block, index) => ({ name: names[index] ?? '', block }))} />
      </Panel>
      <Panel title="Which gradients hide which all-to-all">
        <GradientMatching matching={matching} />
      </Panel>
      {others.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
      <Zoomable timelines={timelines} />
    </Stack>
  );
}

/** Timelines with every operation, folded away. */
export function Zoomable({ timelines }: { readonly timelines: readonly TimelineBlock[] }) {
  return (
    <details className="overlap-details">
      <summary>Every operation, to zoom into</summary>
      {timelines.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </details>
  );
}
