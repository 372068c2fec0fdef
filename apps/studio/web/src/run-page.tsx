/** One run: status, progress and cancel while it works; then its report, files, params and the command that does the same. */
import {
  Button,
  CodeView,
  commandOfRun,
  CopyButton,
  DiagnosticView,
  diagnosticFromError,
  LinkButton,
  LiveChart,
  Loading,
  LostRun,
  ProgressView,
  ReportView,
  RunErrors,
  showToast,
  StatusBadge,
  useRun,
  type RunDetail,
} from '@tenfold/ui';
import { formatBytes } from '@tenfold/core/base';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { verbPath } from './commands.ts';
import { formatRunTime } from './format-time.ts';
import { httpApi } from './http-api.ts';
import { PageBoundary } from './page-boundary.tsx';

export function RunPage({ runId }: { readonly runId: string }) {
  const { run, progress, metrics, isActive, isLost, error } = useRun(httpApi, runId);
  useEffect(() => {
    document.title = run ? `${run.system} ${run.verb} · ${run.status}` : 'Run · Tenfold';
  }, [run]);
  if (error)
    return (
      <div className="page tf-stack">
        <h1>This run cannot be shown</h1>
        <DiagnosticView diagnostic={error} />
        <p>
          <LinkButton href="/runs">See all runs</LinkButton>
        </p>
      </div>
    );
  if (!run) return <Loading label="Loading the run" />;
  return (
    <div className="page">
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/runs">Runs</Link> <span aria-hidden="true">/</span>{' '}
        <Link href={`/rooms/${run.system}`}>{run.system}</Link> <span aria-hidden="true">/</span> {run.id}
      </nav>
      <header className="run-head">
        <div>
          <h1>{run.report?.title ?? `${run.system} ${run.verb}`}</h1>
          <p className="run-facts">
            <StatusBadge status={run.status} />
            <span>
              {run.system} {run.verb}
            </span>
            <span>{new Date(run.createdAtMs).toLocaleString()}</span>
            {run.endedAtMs !== undefined && <span>{formatRunTime(run)}</span>}
            <span>seed {run.seed}</span>
          </p>
        </div>
        <RunActions run={run} isActive={isActive} />
      </header>
      <div className="tf-stack run-body">
        {isActive && (
          <section className="run-progress tf-stack" aria-label="Progress">
            {isLost && <LostRun />}
            <ProgressView progress={run.status === 'queued' ? { phase: 'Waiting for its turn' } : progress} />
          </section>
        )}
        <RunErrors run={run} />
        {run.report && (
          <PageBoundary subject={`${run.system} ${run.verb}`}>
            <ReportView report={run.report} context={{ artifactUrl: (name) => httpApi.artifactUrl(run.id, name) }} />
          </PageBoundary>
        )}
        <LiveChart points={metrics} />
        <RunFiles run={run} />
        <RunSource run={run} />
      </div>
    </div>
  );
}

function RunActions({ run, isActive }: { readonly run: RunDetail; readonly isActive: boolean }) {
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const tell = (error: unknown) => showToast({ tone: 'bad', text: diagnosticFromError(error, run.verb).expected });
  const rerun = () =>
    httpApi
      .startRun({ system: run.system, verb: run.verb, params: run.params, seed: run.seed })
      .then((runId) => navigate(`/runs/${runId}`), tell);
  const remove = () =>
    httpApi.deleteRun(run.id).then(() => {
      void client.invalidateQueries({ queryKey: ['runs'] });
      showToast({ tone: 'info', text: `Run ${run.id} is deleted.` });
      navigate('/runs');
    }, tell);
  const again = `${verbPath(run.system, run.verb)}?${new URLSearchParams({ params: JSON.stringify(run.params), seed: String(run.seed) })}`;
  return (
    <div className="tf-row run-actions">
      {isActive ? (
        <Button variant="danger" icon="stop" onClick={() => void httpApi.cancelRun(run.id).catch(tell)}>
          Cancel
        </Button>
      ) : (
        <Button icon="repeat" onClick={() => void rerun()}>
          Run again
        </Button>
      )}
      <CopyButton text={() => window.location.href}>Copy link</CopyButton>
      <CopyButton text={() => commandOfRun(run)} title="The same in a terminal">
        Copy command
      </CopyButton>
      {run.report && (
        <LinkButton icon="download" href={httpApi.exportUrl(run.id)} download>
          Export HTML
        </LinkButton>
      )}
      {!isActive && (
        <>
          <Button variant="quiet" onClick={() => navigate(again)}>
            Change params
          </Button>
          <Button variant="quiet" onClick={() => navigate(`/compare?runs=${run.id}`)}>
            Compare
          </Button>
          <Button
            variant="quiet"
            icon="trash"
            aria-label="Delete this run"
            title="Delete this run"
            onClick={() => void remove()}
          />
        </>
      )}
    </div>
  );
}

/** What the rooms call Chrome traces that they keep. */
const TRACE_NAME = /trace[^/]*\.json(\.gz)?$/i;

function RunFiles({ run }: { readonly run: RunDetail }) {
  if (run.artifacts.length === 0) return null;
  return (
    <section aria-labelledby="run-files">
      <h2 id="run-files" className="tf-heading">
        Files
      </h2>
      <ul className="run-files">
        {run.artifacts.map((artifact) => (
          <li key={artifact.name}>
            <a href={`${httpApi.artifactUrl(run.id, artifact.name)}?download`} download>
              {artifact.name}
            </a>
            <span>
              {TRACE_NAME.test(artifact.name) && (
                <>
                  <Link href={`/timeline?${new URLSearchParams({ run: run.id, file: artifact.name })}`}>
                    Open in the timeline
                  </Link>{' '}
                  ·{' '}
                </>
              )}
              {artifact.mediaType} · {formatBytes(artifact.byteLength)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function RunSource({ run }: { readonly run: RunDetail }) {
  return (
    <details className="run-source">
      <summary>Params, result and command</summary>
      <div className="tf-stack">
        <CodeView block={{ text: commandOfRun(run), caption: 'The same in a terminal' }} />
        <CodeView block={{ text: JSON.stringify(run.params, null, 2), caption: 'Params' }} />
        {run.result !== undefined && run.result !== null && (
          <CodeView block={{ text: shortened(JSON.stringify(run.result, null, 2)), caption: 'Result as JSON' }} />
        )}
      </div>
    </details>
  );
}

const MAX_SHOWN_CHARS = 60_000;

function shortened(text: string): string {
  return text.length <= MAX_SHOWN_CHARS
    ? text
    : `${text.slice(0, MAX_SHOWN_CHARS)}\n… ${text.length - MAX_SHOWN_CHARS} more characters`;
}
