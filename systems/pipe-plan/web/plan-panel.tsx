/** Planning: controls, stages with movable borders, figures, timelines, heat map, Pareto front. */
import { useEffect, useRef, useState } from 'react';
import {
  BlockView,
  Panel,
  RunResult,
  SampleRunButton,
  Stack,
  useTourReport,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { PlanView } from '../src/verbs/plan-view.ts';
import { usePlanInputs } from './inputs.tsx';
import { StageChain } from './stage-chain.tsx';

export function PlanPanel(page: RoomPageProps) {
  const { params, controls } = usePlanInputs();
  const plan = useVerbRun<PlanView>(page, 'plan', { addressKey: 'plan' });
  const tour = useTourReport(
    page,
    'Press “Plan” for stages, timelines and the search of a model and cluster of yours.',
  );
  return (
    <WithControls
      controls={
        <>
          {controls}
          <SampleRunButton run={plan} params={params}>
            Plan
          </SampleRunButton>
        </>
      }
    >
      <RunResult
        page={page}
        run={plan}
        empty="Press “Plan”: stages, timelines and the search appear here."
        instead={tour}
      >
        {(run) => {
          const [figures, ...blocks] = run.report!.blocks;
          return (
            <Stack>
              {figures ? <BlockView block={figures} /> : null}
              <Borders key={run.id} page={page} planned={run.result!} params={run.params} />
              {blocks.map((block, index) => (
                <BlockView key={index} block={block} />
              ))}
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}

interface BordersProps {
  readonly page: RoomPageProps;
  readonly planned: PlanView;
  /** Of the run that planned. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** A pause in dragging before the borders are simulated. */
const SETTLED_MS = 350;

function Borders({ page, planned, params }: BordersProps) {
  const plannedEnds = planned.plan.stages.map(({ end }) => end);
  const [ends, setEnds] = useState<readonly number[]>(plannedEnds);
  const own = useVerbRun<PlanView>(page, 'simulate', { addressKey: 'own', showLatest: false });
  const isMoved = ends.join() !== plannedEnds.join();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next: readonly number[]): void => {
    setEnds(next);
    clearTimeout(timer.current);
    if (next.join() === plannedEnds.join()) return;
    const { model, cluster, devices, batch } = params;
    const replicas = planned.plan.stages.map((stage) => stage.replicas).join(',');
    const microBatches = planned.plan.numMicroBatches;
    const request = { model, cluster, devices, batch, ends: next.join(','), replicas, microBatches };
    timer.current = setTimeout(() => void own.start(request), SETTLED_MS);
  };
  const simulated = own.run?.result;
  const answers = isMoved && simulated?.plan.stages.map(({ end }) => end).join() === ends.join();
  const shown = answers ? simulated : planned;
  return (
    <Panel title="Stages: drag a border, or focus it and use the arrow keys">
      <Stack gap={2}>
        <StageChain
          layers={planned.layers}
          ends={ends}
          onChange={change}
          stages={isMoved && !answers ? undefined : shown.stages}
          memoryCapBytes={planned.memoryCapBytes}
        />
        <p className="pipe-verdict" aria-live="polite">
          {verdict(planned, isMoved, answers ? simulated : undefined)}
        </p>
      </Stack>
    </Panel>
  );
}

function verdict(planned: PlanView, isMoved: boolean, own: PlanView | undefined): string {
  const planText = `Planned borders: ${planned.iterationMs.toFixed(1)} ms an iteration.`;
  if (!isMoved) return `${planText} Move one to see what it costs.`;
  if (!own) return `${planText} Simulating yours …`;
  const change = 100 * (own.iterationMs / planned.iterationMs - 1);
  const memory = own.peakBytes > own.memoryCapBytes ? ' They do not fit memory.' : '';
  return `${planText} Yours: ${own.iterationMs.toFixed(1)} ms, ${Math.abs(change).toFixed(1)} % ${change >= 0 ? 'slower' : 'faster'}, ${(100 * own.bubbleAfter).toFixed(1)} % idle.${memory}`;
}
