/** The room's page: review of suspicious labels, noise matrix, class centres, curves. */
import {
  Button,
  ReportView,
  RunPicker,
  RunResult,
  SampleRunButton,
  Stack,
  Tabs,
  useAddressState,
  useNewestVerb,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { AuditJson } from '../src/outputs/audit-files.ts';
import { AuditForm } from './audit-form.tsx';
import { Centres } from './centres.tsx';
import { NoiseView } from './noise-view.tsx';
import './page.css';
import type { Pair } from './review-state.ts';
import { Review } from './review.tsx';

type View = 'review' | 'matrix' | 'centres' | 'report';

const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'review', label: 'Review' },
  { id: 'matrix', label: 'Noise matrix' },
  { id: 'centres', label: 'Class centres' },
  { id: 'report', label: 'Curves and report' },
];
/** Stands between the two classes of a pair in the address. */
const ARROW = ' → ';

const VERBS = ['tour', 'audit'] as const;

export default function LabelAuditPage(page: RoomPageProps) {
  const [verb, setVerb] = useAddressState('verb', useNewestVerb(page, VERBS));
  const [view, setView] = useAddressState<View>('view', 'review');
  const [pairText, setPairText] = useAddressState<string>('pair', '');
  const run = useVerbRun<AuditJson>(page, verb);
  const [given, proposal] = pairText.split(ARROW);
  const pair = given !== undefined && proposal !== undefined ? { given, proposal } : undefined;
  const setPair = (next: Pair | undefined) => setPairText(next ? next.given + ARROW + next.proposal : '');
  return (
    <WithControls
      controls={
        <Stack>
          <div className="audit-sources" role="group" aria-label="What is audited">
            <Button variant={verb === 'tour' ? 'secondary' : 'quiet'} onClick={() => setVerb('tour')}>
              Noisy MNIST
            </Button>
            <Button variant={verb === 'audit' ? 'secondary' : 'quiet'} onClick={() => setVerb('audit')}>
              Your data
            </Button>
          </div>
          {verb === 'tour' ? (
            <SampleRunButton run={run} params={{}}>
              Audit noisy MNIST
            </SampleRunButton>
          ) : (
            <AuditForm page={page} onStart={(params) => void run.start(params)} isBusy={run.isActive} />
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
            : 'Choose your data on the left and press “Audit”; its suspicious labels appear here.'
        }
      >
        {(detail) => (
          <>
            <p className="audit-verdict">{detail.report!.verdict.text}</p>
            <Tabs tabs={VIEWS} selected={view} onSelect={setView} label="Part of the audit">
              {view === 'review' && <Review page={page} runId={detail.id} pair={pair} onPair={setPair} />}
              {view === 'matrix' && (
                <NoiseView
                  audit={detail.result!}
                  onPair={(next) => {
                    setPair(next);
                    setView('review');
                  }}
                />
              )}
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
          </>
        )}
      </RunResult>
    </WithControls>
  );
}
