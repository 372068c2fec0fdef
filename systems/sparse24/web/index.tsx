/** The room's page: methods side by side, and one block of four under a slider. */
import {
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  Slider,
  Stack,
  Tabs,
  TextField,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { BlockInspector } from './block-inspector.tsx';

const VIEWS = [
  { id: 'methods', label: 'Methods' },
  { id: 'sweep', label: 'Strength' },
  { id: 'audit', label: 'Audit' },
  { id: 'block', label: 'Block inspector' },
] as const;

export default function Sparse24Page(page: RoomPageProps) {
  const [view, setView] = useAddressState<string>('view', 'methods');
  const selected = VIEWS.some(({ id }) => id === view) ? view : 'methods';
  return (
    <Tabs label="Views" tabs={VIEWS} selected={selected} onSelect={setView}>
      {selected === 'methods' && <Methods page={page} />}
      {selected === 'sweep' && <Sweep page={page} />}
      {selected === 'audit' && <Audit page={page} />}
      {selected === 'block' && <BlockInspector />}
    </Tabs>
  );
}

function Methods({ page }: { readonly page: RoomPageProps }) {
  const tour = useVerbRun(page, 'tour');
  const compare = useVerbRun(page, 'compare');
  const [model, setModel] = useAddressState<string>('model', 'models/scrimshaw-11m');
  const [steps, setSteps] = useAddressNumber('steps', 50);
  return (
    <WithControls
      controls={
        <Stack>
          <SampleRunButton run={tour} params={{}}>
            Prune the shipped model
          </SampleRunButton>
          <TextField label="Model folder or .bin" value={model} onChange={setModel} />
          <Slider label="Steps of ProxSparse" min={10} max={400} value={steps} onChange={setSteps} />
          <SampleRunButton run={compare} params={{ model, steps }}>
            Compare methods
          </SampleRunButton>
          <RunPicker page={page} verb="compare" run={compare} label="Earlier comparisons" />
        </Stack>
      }
    >
      <Stack>
        <RunResult
          page={page}
          run={compare}
          empty="Press “Compare methods” for a model of yours, or prune the shipped one."
        />
        <Panel title="Tour">
          <RunResult
            page={page}
            run={tour}
            empty="Press “Prune the shipped model”: four masks and their perplexities appear here."
          />
        </Panel>
      </Stack>
    </WithControls>
  );
}

function Sweep({ page }: { readonly page: RoomPageProps }) {
  const sweep = useVerbRun(page, 'sweep');
  const [model, setModel] = useAddressState<string>('model', 'models/scrimshaw-11m');
  const [steps, setSteps] = useAddressNumber('sweep-steps', 40);
  const [kappas, setKappas] = useAddressState<string>('kappas', '0.02, 0.05, 0.1');
  const strengths = kappas.split(',').map(Number);
  const isValid = strengths.length > 1 && strengths.every((kappa) => kappa > 0);
  return (
    <WithControls
      controls={
        <Stack>
          <TextField label="Model folder or .bin" value={model} onChange={setModel} />
          <TextField
            label="Strengths κ"
            value={kappas}
            onChange={setKappas}
            {...(isValid ? {} : { error: 'Write two or more numbers above 0, with commas between them.' })}
          />
          <Slider label="Steps" min={8} max={400} value={steps} onChange={setSteps} />
          <SampleRunButton
            run={sweep}
            params={{ model, steps, kappas: isValid ? strengths : [0.02, 0.05], rows: 16, heldOutRows: 8 }}
          >
            Try the strengths
          </SampleRunButton>
          <RunPicker page={page} verb="sweep" run={sweep} label="Earlier sweeps" />
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={sweep}
        empty="Press “Try the strengths”: each runs a quarter of the steps, the best goes on to the end."
      />
    </WithControls>
  );
}

function Audit({ page }: { readonly page: RoomPageProps }) {
  const inspect = useVerbRun(page, 'inspect');
  const [path, setPath] = useAddressState<string>('path', 'models/scrimshaw-11m');
  return (
    <WithControls
      controls={
        <Stack>
          <TextField label="Safetensors file or folder" value={path} onChange={setPath} />
          <SampleRunButton run={inspect} params={{ path }}>
            Audit
          </SampleRunButton>
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={inspect}
        empty="Press “Audit”: is every block of four 2:4, and do the shapes suit sparse tensor cores?"
      />
    </WithControls>
  );
}
