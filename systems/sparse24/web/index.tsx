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
  { id: 'block', label: 'Block inspector' },
] as const;

export default function Sparse24Page(page: RoomPageProps) {
  const [view, setView] = useAddressState<string>('view', 'methods');
  const selected = view === 'block' ? 'block' : 'methods';
  return (
    <Tabs label="Views" tabs={VIEWS} selected={selected} onSelect={setView}>
      {selected === 'block' ? <BlockInspector /> : <Methods page={page} />}
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
