/** A measured block: figures, both orders on worker 0, and the table of modes. */
import type { Block, TimelineBlock } from '@tenfold/core/report';
import { BlockView, FigureRow, Panel, Stack } from '@tenfold/ui';
import { LaneCompare } from './lane-compare.tsx';
import { Zoomable } from './plan-view.tsx';
import type { MeasuredResult } from './results.ts';

export function MeasuredView({
  result: { modes, numGradients },
  timelines,
  others,
}: {
  readonly result: MeasuredResult;
  /** As written, both passes. */
  readonly timelines: readonly TimelineBlock[];
  readonly others: readonly Block[];
}) {
  const exposed = (name: string): number => modes.find(({ mode }) => mode === name)?.exposedMs ?? NaN;
  const errors = modes.map(({ error }) => Math.abs(error));
  const names = ['As written', 'Both passes'];
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'exposed, as written', value: exposed('none'), unit: 'ms', format: 'number', digits: 1 },
          { label: 'exposed, both passes', value: exposed('both'), unit: 'ms', format: 'number', digits: 1 },
          { label: 'largest prediction error', value: Math.max(...errors), format: 'percent', digits: 1 },
          { label: 'gradients equal bit for bit', value: numGradients, format: 'count' },
        ]}
      />
      <Panel title="Measured on worker 0, last round">
        <LaneCompare orders={timelines.map((block, index) => ({ name: names[index] ?? '', block }))} />
      </Panel>
      {others.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
      <Zoomable timelines={timelines} />
    </Stack>
  );
}
