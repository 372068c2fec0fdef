/** The room's page: review of suspicious labels, noise matrix, class centres, curves. */
import {
  Button,
  FigureRow,
  HeatMap,
  ReportView,
  RunPicker,
  RunResult,
  SampleRunButton,
  showToast,
  Stack,
  Tabs,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { useState } from 'react';
import type { AuditJson } from '../src/outputs/audit-files.ts';
import { Centres } from './centres.tsx';
import './page.css';
import { Review } from './review.tsx';

type View = 'review' | 'matrix' | 'centres' | 'report';

const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'review', label: 'Review' },
  { id: 'matrix', label: 'Noise matrix' },
  { id: 'centres', label: 'Class centres' },
  { id: 'report', label: 'Curves and report' },
];

export default function LabelAuditPage(page: RoomPageProps) {
  const [verb, setVerb] = useAddressState<'tour' | 'audit'>('verb', 'tour');
  const [view, setView] = useAddressState<View>('view', 'review');
  const run = useVerbRun<AuditJson>(page, verb);
  return (
    <WithControls
      controls={
        <Stack>
          <Button variant={verb === 'tour' ? 'secondary' : 'quiet'} onClick={() => setVerb('tour')}>
            MNIST with wrong labels
          </Button>
          <Button variant={verb === 'audit' ? 'secondary' : 'quiet'} onClick={() => setVerb('audit')}>
            Your table
          </Button>
          {verb === 'tour' ? (
            <SampleRunButton run={run} params={{}}>
              Audit noisy MNIST
            </SampleRunButton>
          ) : (
            <TableForm page={page} onStart={(params) => void run.start(params)} isBusy={run.isActive} />
          )}
          <RunPicker page={page} verb={verb} run={run} label="Earlier audits" />
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={
          verb === 'tour'
            ? 'Press “Audit noisy MNIST”; the suspicious digits appear here, to accept or reject one by one.'
            : 'Choose a table with a label column and press “Audit”; its suspicious labels appear here.'
        }
      >
        {(detail) => (
          <Tabs tabs={VIEWS} selected={view} onSelect={setView} label="Part of the audit">
            {view === 'review' && <Review page={page} runId={detail.id} />}
            {view === 'matrix' && <NoiseMatrix audit={detail.result!} />}
            {view === 'centres' && (
              <Centres geometry={detail.result!.geometry} classNames={detail.result!.classNames} />
            )}
            {view === 'report' && (
              <ReportView
                report={detail.report!}
                context={{ artifactUrl: (name) => page.api.artifactUrl(detail.id, name) }}
              />
            )}
          </Tabs>
        )}
      </RunResult>
    </WithControls>
  );
}

function NoiseMatrix({ audit }: { readonly audit: AuditJson }) {
  const size = audit.classNames.length;
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'Estimated noise', value: audit.noise.rate, format: 'percent', digits: 1 },
          { label: 'at least', value: audit.noise.low, format: 'percent', digits: 1 },
          { label: 'at most', value: audit.noise.high, format: 'percent', digits: 1 },
        ]}
      />
      <HeatMap
        label="Share of each true class (column) that carries each label (row)"
        values={audit.noiseMatrix.flat()}
        rows={size}
        columns={size}
        rowLabels={audit.classNames}
        columnLabels={audit.classNames}
        range={[0, 1]}
        formatValue={(value) => `${(100 * value).toFixed(1)} %`}
      />
    </Stack>
  );
}

function TableForm({
  page,
  onStart,
  isBusy,
}: {
  readonly page: RoomPageProps;
  readonly onStart: (params: Readonly<Record<string, unknown>>) => void;
  readonly isBusy: boolean;
}) {
  const [path, setPath] = useState('');
  const [label, setLabel] = useState('label');
  const [text, setText] = useState('');
  const upload = (file: File | undefined) => {
    if (!file) return;
    page.api.uploadFile(file).then(
      (uploaded) => setPath(uploaded.path),
      (cause: unknown) => showToast({ tone: 'bad', text: `The file was not taken: ${String(cause)}` }),
    );
  };
  return (
    <Stack gap={2}>
      <label>
        Table (CSV, Parquet, JSON Lines)
        <input type="file" accept=".csv,.tsv,.parquet,.jsonl" onChange={(event) => upload(event.target.files?.[0])} />
      </label>
      <TextField label="Label column" value={label} onChange={setLabel} />
      <TextField label="Text column, if any" value={text} onChange={setText} />
      <Button
        variant="primary"
        busy={isBusy}
        disabled={path === ''}
        onClick={() => onStart({ data: path, label, text })}
      >
        Audit
      </Button>
    </Stack>
  );
}
