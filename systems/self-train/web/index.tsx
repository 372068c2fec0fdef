/** The room's page: an adaptation round by round, its feature space, calibration, doubtful samples, and streets at dusk. */
import {
  Button,
  ReportView,
  RunPicker,
  RunResult,
  SampleRunButton,
  showToast,
  Stack,
  Tabs,
  TextField,
  useAddressState,
  useNewestVerb,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { useState } from 'react';
import type { AdaptJson } from '../src/outputs/adapt-json.ts';
import type { SegmentJson } from '../src/outputs/segment-json.ts';
import { Calibration } from './calibration.tsx';
import { FeatureMap } from './feature-map.tsx';
import './page.css';
import { Rounds } from './rounds.tsx';
import { DoubtfulSamples } from './samples.tsx';
import { Pictures } from './pictures.tsx';

type Story = 'tour' | 'streets' | 'adapt';
type View = 'rounds' | 'map' | 'samples' | 'calibration' | 'report';

const STORIES: readonly { readonly id: Story; readonly label: string }[] = [
  { id: 'tour', label: 'From fonts to handwriting' },
  { id: 'streets', label: 'Streets from day to dusk' },
  { id: 'adapt', label: 'Your samples' },
];

const VERBS: readonly Story[] = STORIES.map(({ id }) => id);

const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'rounds', label: 'Rounds' },
  { id: 'map', label: 'Feature map' },
  { id: 'samples', label: 'Doubtful samples' },
  { id: 'calibration', label: 'Calibration' },
  { id: 'report', label: 'Report' },
];

export default function SelfTrainPage(page: RoomPageProps) {
  const [story, setStory] = useAddressState<Story>('story', useNewestVerb(page, VERBS));
  return (
    <Stack>
      <nav className="st-stories" aria-label="What to adapt">
        {STORIES.map(({ id, label }) => (
          <Button
            key={id}
            variant={id === story ? 'secondary' : 'quiet'}
            aria-pressed={id === story}
            onClick={() => setStory(id)}
          >
            {label}
          </Button>
        ))}
      </nav>
      {story === 'streets' ? <Streets page={page} /> : <Samples key={story} page={page} verb={story} />}
    </Stack>
  );
}

function Samples({ page, verb }: { readonly page: RoomPageProps; readonly verb: 'tour' | 'adapt' }) {
  const [view, setView] = useAddressState<View>('view', 'rounds');
  const run = useVerbRun<AdaptJson>(page, verb);
  return (
    <WithControls
      controls={
        <Stack>
          {verb === 'tour' ? (
            <>
              <p className="st-hint">
                A network learns digits drawn from eight fonts. Handwritten digits come without labels; it labels them
                itself, round by round.
              </p>
              <SampleRunButton run={run} params={{}}>
                Adapt fonts to handwriting
              </SampleRunButton>
            </>
          ) : (
            <AdaptForm page={page} isBusy={run.isActive} onStart={(params) => void run.start(params)} />
          )}
          <RunPicker page={page} verb={verb} run={run} label="Earlier runs" />
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={
          verb === 'tour'
            ? 'Press “Adapt fonts to handwriting”. The rounds, the feature space and the most doubtful digits appear here.'
            : 'Choose a table whose label column is filled in some rows, or two tables; press “Adapt”.'
        }
      >
        {(detail) => (
          <Tabs tabs={VIEWS} selected={view} onSelect={setView} label="Part of the adaptation">
            {view === 'rounds' && <Rounds result={detail.result!} />}
            {view === 'map' && <FeatureMap result={detail.result!} />}
            {view === 'samples' && <DoubtfulSamples result={detail.result!} />}
            {view === 'calibration' && <Calibration result={detail.result!} />}
            {view === 'report' && <ReportView report={detail.report!} />}
          </Tabs>
        )}
      </RunResult>
    </WithControls>
  );
}

function Streets({ page }: { readonly page: RoomPageProps }) {
  const run = useVerbRun<SegmentJson>(page, 'streets');
  return (
    <WithControls
      controls={
        <Stack>
          <p className="st-hint">
            A pixel network learns streets by day. At dusk light, haze and colour change; no mask at dusk is shown to
            it.
          </p>
          <SampleRunButton run={run} params={{}}>
            Adapt day to dusk
          </SampleRunButton>
          <RunPicker page={page} verb="streets" run={run} label="Earlier runs" />
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty="Press “Adapt day to dusk”: pictures with predictions, accepted labels and doubt appear here. It takes minutes."
      >
        {(detail) => (
          <Stack>
            <Pictures page={page} runId={detail.id} result={detail.result!} />
            <ReportView report={detail.report!} />
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}

function AdaptForm({
  page,
  isBusy,
  onStart,
}: {
  readonly page: RoomPageProps;
  readonly isBusy: boolean;
  readonly onStart: (params: Readonly<Record<string, unknown>>) => void;
}) {
  const [labeled, setLabeled] = useState('');
  const [unlabeled, setUnlabeled] = useState('');
  const [label, setLabel] = useState('label');
  const [text, setText] = useState('');
  const [truth, setTruth] = useState('');
  const upload = (file: File | undefined, keep: (path: string) => void) => {
    if (!file) return;
    page.api.uploadFile(file).then(
      ({ path }) => keep(path),
      (cause: unknown) => showToast({ tone: 'bad', text: `The file was not taken: ${String(cause)}` }),
    );
  };
  return (
    <Stack gap={2}>
      <label className="st-file">
        Labelled samples (a table)
        <input
          type="file"
          accept=".csv,.tsv,.parquet,.jsonl"
          onChange={(event) => upload(event.target.files?.[0], setLabeled)}
        />
      </label>
      <label className="st-file">
        Unlabelled samples, if in a file of their own
        <input
          type="file"
          accept=".csv,.tsv,.parquet,.jsonl"
          onChange={(event) => upload(event.target.files?.[0], setUnlabeled)}
        />
      </label>
      <TextField label="Label column" value={label} onChange={setLabel} />
      <TextField label="Text column, if any" value={text} onChange={setText} />
      <TextField label="Column of true labels, only to measure" value={truth} onChange={setTruth} />
      <Button
        variant="primary"
        busy={isBusy}
        disabled={labeled === ''}
        onClick={() => onStart({ labeled, unlabeled, label, text, truth })}
      >
        Adapt
      </Button>
    </Stack>
  );
}
