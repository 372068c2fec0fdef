/** Planning: controls, stage chain with movable borders, figures, heat map, Pareto front and timelines. */
import { useState } from 'react';
import {
  BlockView,
  FigureRow,
  Panel,
  Row,
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { PlanView } from '../src/verbs/plan-view.ts';
import { StageChain } from './stage-chain.tsx';

export function PlanPanel(page: RoomPageProps) {
  const [model, setModel] = useAddressState<string>('model', 'sd21');
  const [cluster, setCluster] = useAddressState<string>('cluster', 'workstation');
  const [devices, setDevices] = useAddressNumber('devices', 8);
  const [batch, setBatch] = useAddressNumber('batch', 64);
  const plan = useVerbRun<PlanView>(page, 'plan');
  return (
    <WithControls
      controls={
        <>
          <SelectField
            label="Model"
            value={model}
            onChange={setModel}
            options={options(['sd21', 'sd15', 'controlnet', 'dit-xl'])}
          />
          <SelectField
            label="Cluster"
            value={cluster}
            onChange={setCluster}
            options={options(['workstation', 'a100-efa', 'a100-slow'])}
          />
          <Slider label="Devices" min={2} max={64} step={2} value={devices} onChange={setDevices} />
          <Slider label="Batch" min={16} max={512} step={16} value={batch} onChange={setBatch} />
          <SampleRunButton run={plan} params={{ model, cluster, devices, batch }}>
            Plan
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={plan} empty="Press “Plan”: stages, timelines and the search appear here.">
        {(run) => (
          <PlanResult
            key={run.id}
            page={page}
            view={run.result!}
            blocks={run.report!.blocks}
            params={{ model, cluster, devices, batch }}
          />
        )}
      </RunResult>
    </WithControls>
  );
}

interface PlanResultProps {
  readonly page: RoomPageProps;
  readonly view: PlanView;
  readonly blocks: readonly Parameters<typeof BlockView>[0]['block'][];
  readonly params: Readonly<Record<string, string | number>>;
}

function PlanResult({ page, view, blocks, params }: PlanResultProps) {
  const planned = view.plan.stages.map(({ end }) => end);
  const [ends, setEnds] = useState<readonly number[]>(planned);
  const own = useVerbRun<PlanView>(page, 'simulate');
  const isMoved = ends.join() !== planned.join();
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'iteration', value: view.iterationMs, unit: 'ms', digits: 1 },
          { label: 'throughput', value: view.samplesPerSec, unit: 'samples/s', digits: 1 },
          { label: 'idle before filling', value: view.bubbleBefore, format: 'percent' },
          { label: 'idle after filling', value: view.bubbleAfter, format: 'percent' },
          { label: 'peak memory', value: view.peakBytes, format: 'bytes' },
        ]}
      />
      <Panel title="Stages: drag a border, or focus it and use the arrow keys">
        <Stack>
          <StageChain layers={view.layers} ends={ends} onChange={setEnds} />
          <Row>
            <SampleRunButton
              run={own}
              params={{
                ...params,
                ends: ends.join(','),
                replicas: view.plan.stages.map(({ replicas }) => replicas).join(','),
                microBatches: view.plan.numMicroBatches,
              }}
            >
              {isMoved ? 'Simulate these borders' : 'Simulate the planned borders'}
            </SampleRunButton>
          </Row>
          {own.run?.result ? (
            <p>
              These borders: {own.run.result.iterationMs.toFixed(1)} ms, {(100 * own.run.result.bubbleAfter).toFixed(1)}{' '}
              % idle, peak {(own.run.result.peakBytes / 2 ** 30).toFixed(1)} GiB
              {own.run.result.peakBytes > own.run.result.memoryCapBytes ? ' (over the memory cap)' : ''}.
            </p>
          ) : null}
        </Stack>
      </Panel>
      {blocks.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </Stack>
  );
}

const options = (values: readonly string[]) => values.map((value) => ({ value, label: value }));
