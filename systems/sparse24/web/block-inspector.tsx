/** Four weights and λ under sliders: the proximal point and its candidates, computed here by the room's own operator. */
import { DataTable, Panel, PlotView, Slider, Stack, useAddressNumber, WithControls } from '@tenfold/ui';
import { proxObjective } from '../src/prox/block.ts';
import { proxBlock } from '../src/prox/prox.ts';

const LAMBDAS = Array.from({ length: 61 }, (_, i) => i / 20);

export function BlockInspector() {
  const [a, setA] = useAddressNumber('a', 0.6);
  const [b, setB] = useAddressNumber('b', 0.5);
  const [c, setC] = useAddressNumber('c', 0.4);
  const [d, setD] = useAddressNumber('d', 0.3);
  const [lambda, setLambda] = useAddressNumber('lambda', 1);
  const block = [a, b, c, d];
  const rows = (['enum-alm', 'exact'] as const).map((solver) => {
    const w = new Float64Array(4);
    proxBlock(block, lambda, w, solver);
    return { solver, w1: w[0]!, w2: w[1]!, w3: w[2]!, w4: w[3]!, objective: proxObjective(w, block, lambda) };
  });
  const path = LAMBDAS.map((at) => {
    const w = new Float64Array(4);
    proxBlock(block, at, w, 'exact');
    return w;
  });
  const weights: readonly (readonly [string, number, (value: number) => void])[] = [
    ['w₁', a, setA],
    ['w₂', b, setB],
    ['w₃', c, setC],
    ['w₄', d, setD],
  ];
  return (
    <WithControls
      controls={
        <Stack>
          {weights.map(([label, value, onChange]) => (
            <Slider key={label} label={label} min={-1.5} max={1.5} step={0.01} value={value} onChange={onChange} />
          ))}
          <Slider label="λ" min={0} max={3} step={0.01} value={lambda} onChange={setLambda} />
        </Stack>
      }
    >
      <Stack>
        <Panel title="Proximal point">
          <DataTable
            columns={[
              { key: 'solver', label: 'solver' },
              ...['w1', 'w2', 'w3', 'w4'].map((key) => ({ key, label: key, digits: 4 })),
              { key: 'objective', label: 'f(w)', digits: 6 },
            ]}
            rows={rows}
          />
        </Panel>
        <Panel title="How the block shrinks as λ grows">
          <PlotView
            block={{
              kind: 'plot',
              mark: 'line',
              x: { label: 'λ' },
              y: { label: 'weight' },
              series: [0, 1, 2, 3].map((i) => ({
                name: `w${i + 1}`,
                points: path.map((w, at) => ({ x: LAMBDAS[at]!, y: w[i]! })),
              })),
              rules: [{ axis: 'x', value: lambda, label: 'λ' }],
            }}
          />
        </Panel>
      </Stack>
    </WithControls>
  );
}
