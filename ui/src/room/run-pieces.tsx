/** Pieces of a room's page that deal with runs: start one on sample input, choose one, show one with all its states. */
import type { ReactNode } from 'react';
import { Callout, ReportView } from '../blocks/block-view.tsx';
import type { RoomPageProps } from '../room-page.ts';
import type { RunDetail, RunSummary } from '../studio/api.ts';
import { SharedCategories } from '../timeline/shared-categories.tsx';
import type { VerbRun } from '../studio/use-run.ts';
import { commandOfRun } from '../studio/run-command.ts';
import { Button } from '../widgets/button.tsx';
import { CopyButton } from '../widgets/copy-button.tsx';
import { DiagnosticView, EmptyState, Loading, ProgressView } from '../widgets/states.tsx';
import { StatusBadge } from '../widgets/badge.tsx';
import { Icon } from '../widgets/icon.tsx';

/** Starts a verb with given params; busy while the run it follows is at work. */
export function SampleRunButton({
  run,
  params,
  seed,
  children = 'Run on the sample',
}: {
  readonly run: VerbRun;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed?: number;
  readonly children?: ReactNode;
}) {
  return (
    <Button
      variant="primary"
      icon="play"
      busy={run.isActive}
      onClick={() => void run.start(params, seed === undefined ? {} : { seed })}
    >
      {children}
    </Button>
  );
}

/** Chooses among earlier runs of a verb; the choice stands in the address through `useVerbRun`. */
export function RunPicker({
  page,
  verb,
  run,
  label = 'Run',
}: {
  readonly page: RoomPageProps;
  readonly verb: string;
  readonly run: VerbRun;
  readonly label?: string;
}) {
  const runs = page.runs.filter((candidate) => candidate.verb === verb);
  if (runs.length === 0) return null;
  return (
    <label className="tf-run-picker">
      <span className="tf-field-label">{label}</span>
      <select className="tf-input" value={run.runId ?? ''} onChange={(event) => run.select(event.target.value)}>
        {!runs.some((candidate) => candidate.id === run.runId) && <option value={run.runId ?? ''}>Choose a run</option>}
        {runs.map((candidate) => (
          <option key={candidate.id} value={candidate.id}>
            {runLabel(candidate)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** `19:58 · its verdict`: what tells runs apart first; the day where it was not today, the status where it has no verdict. */
function runLabel(run: RunSummary): string {
  const at = new Date(run.createdAtMs);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleString(undefined, {
    ...(isToday ? {} : { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
  });
  return `${time} · ${run.verdict?.text.slice(0, MAX_LABEL_CHARS) ?? run.status}`;
}

const MAX_LABEL_CHARS = 80;

/** A followed run in whatever state it is: nothing yet, at work (progress, cancel), failed, or done.
 *  @param children  draws the finished run; default is its report */
export function RunResult<Value>({
  page,
  run,
  empty,
  instead,
  children,
}: {
  readonly page: RoomPageProps;
  readonly run: VerbRun<Value>;
  /** Shown before the first run: say what will appear and what to press. */
  readonly empty: ReactNode;
  /** Shown before the first run in place of `empty`, where there is something. */
  readonly instead?: ReactNode;
  readonly children?: (run: RunDetail<Value>) => ReactNode;
}) {
  if (run.error) return <DiagnosticView diagnostic={run.error} />;
  if (run.runId === undefined && instead) return instead;
  if (run.runId === undefined)
    return page.runsLoaded ? <EmptyState title="No run yet">{empty}</EmptyState> : <Loading label="Loading runs" />;
  if (!run.run) return <Loading label="Loading the run" />;
  const detail = run.run;
  if (run.isActive)
    return (
      <div className="tf-stack">
        {run.isLost && <LostRun />}
        <ProgressView progress={run.progress} />
        <div className="tf-row">
          <Button icon="stop" onClick={() => void run.cancel()}>
            Cancel
          </Button>
          <Button variant="quiet" onClick={() => page.openRun(detail.id)}>
            Open the run
          </Button>
        </div>
      </div>
    );
  return (
    <div className="tf-stack">
      <div className="tf-row">
        <StatusBadge status={detail.status} />
        {detail.report && <strong className="tf-run-title">{detail.report.title}</strong>}
        <button type="button" className="tf-link" onClick={() => page.openRun(detail.id)}>
          Open the whole run <Icon name="arrowRight" size={14} />
        </button>
        <CopyButton size="s" variant="quiet" text={() => commandOfRun(detail)} title="The same in a terminal">
          Copy command
        </CopyButton>
      </div>
      <RunErrors run={detail} />
      {detail.report && (
        <SharedCategories blocks={detail.report.blocks}>
          {children ? children(detail) : <RunReport page={page} run={detail} />}
        </SharedCategories>
      )}
    </div>
  );
}

/** Stands above the progress of a run that cannot be followed. */
export function LostRun() {
  return (
    <div role="status">
      <Callout
        tone="warn"
        title="The studio’s server does not answer"
        text="What is shown is its last word. Start it again with `npm start`: this page goes on by itself."
      />
    </div>
  );
}

function RunReport({ page, run }: { readonly page: RoomPageProps; readonly run: RunDetail }) {
  return run.report ? (
    <ReportView report={run.report} context={{ artifactUrl: (name) => page.api.artifactUrl(run.id, name) }} />
  ) : null;
}

/** The error and the findings of a run that has any. */
export function RunErrors({ run }: { readonly run: Pick<RunDetail, 'error' | 'diagnostics' | 'status'> }) {
  const error = run.error as RunDetail['diagnostics'][number] | undefined;
  // Its error says no more than that somebody asked for it.
  const isCancelled = run.status === 'cancelled';
  return (
    <>
      {isCancelled && (
        <EmptyState title="This run was cancelled">
          It was stopped before its end. Run it again, or change its params first.
        </EmptyState>
      )}
      {error && !isCancelled && <DiagnosticView diagnostic={{ ...error, severity: error.severity ?? 'error' }} />}
      {run.diagnostics.map((diagnostic, index) => (
        <DiagnosticView key={index} diagnostic={diagnostic} />
      ))}
      {run.status === 'interrupted' && !error && (
        <EmptyState title="This run was interrupted">
          The program that worked on it ended before it was done. Run it again; what it kept is below.
        </EmptyState>
      )}
    </>
  );
}
