/** Drop zone for profiler traces. */
import { RunResult, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';
import { useState } from 'react';

const RECIPE = `from torch.profiler import ProfilerActivity, profile, record_function

with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as p:
    with record_function("layer3.ffn.dX"): ...
    with record_function("layer3.ffn.dW"): ...      # dW or wgrad in the name: may move
    with record_function("layer3.all_to_all"): ...
p.export_chrome_trace("trace.json.gz")`;

export function TraceDrop(page: RoomPageProps) {
  const run = useVerbRun(page, 'trace-stats', { addressKey: 'trace-stats' });
  const [isOver, setIsOver] = useState(false);
  const [problem, setProblem] = useState('');
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      setProblem('');
      const { path } = await page.api.uploadFile(file);
      await run.start({ file: path });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Stack>
      <div
        className={`overlap-drop${isOver ? ' is-over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setIsOver(false);
          void take(event.dataTransfer.files[0]);
        }}
      >
        <label>
          Drop a PyTorch profiler trace here, or choose one:{' '}
          <input type="file" accept=".json,.gz" onChange={(event) => void take(event.target.files?.[0])} />
        </label>
      </div>
      {problem && <p role="alert">{problem}</p>}
      <RunResult
        page={page}
        run={run}
        empty={
          <>
            <p>
              The share of hidden communication and a better order of the marked ranges appear here. Record like this:
            </p>
            <pre className="overlap-code">{RECIPE}</pre>
          </>
        }
      />
    </Stack>
  );
}
