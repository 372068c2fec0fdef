/** Runs of one room beside each other: params that differ, verdicts, figures, then each report. Ids stand in the address. */
import {
  DiagnosticView,
  diagnosticFromError,
  EmptyState,
  LinkButton,
  Loading,
  ReportView,
  SelectField,
  StatusBadge,
  useAddressState,
  type RunDetail,
} from '@tenfold/ui';
import { useQueries } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { figureRows, paramRows, type CompareRow } from './compare-rows.ts';
import { formatAgo, formatRunTime } from './format-time.ts';
import { httpApi } from './http-api.ts';
import { useRuns } from './use-studio-data.ts';

const MAX_CHOICES = 200;

export function ComparePage() {
  useEffect(() => void (document.title = 'Compare runs · Tenfold'), []);
  const [ids, setIds] = useAddressState<string>('runs', '');
  const wanted = ids.split(',').filter((id) => id !== '');
  const queries = useQueries({
    queries: wanted.map((id) => ({ queryKey: ['run', id], queryFn: () => httpApi.getRun(id) })),
  });
  const failed = queries.find((query) => query.error);
  const runs = queries.flatMap((query) => (query.data ? [query.data] : []));
  const room = runs[0]?.system;
  const remove = (id: string) => setIds(wanted.filter((each) => each !== id).join(','));
  return (
    <div className="page tf-stack">
      <header className="page-head">
        <h1>Compare runs</h1>
      </header>
      {wanted.length === 0 && (
        <EmptyState title="No runs chosen" action={<LinkButton href="/runs">Choose a run</LinkButton>}>
          Open a run and press “Compare”; then add others of its room here.
        </EmptyState>
      )}
      {failed && <DiagnosticView diagnostic={diagnosticFromError(failed.error, 'compare')} />}
      {!failed && runs.length < wanted.length && <Loading label="Loading the runs" />}
      {room !== undefined && <AddRun room={room} chosen={wanted} onAdd={(id) => setIds([...wanted, id].join(','))} />}
      {runs.length > 0 && (
        <>
          <CompareTable runs={runs} onRemove={remove} />
          <div className="compare-reports">
            {runs.map((run) => (
              <section key={run.id} aria-label={`Report of run ${run.id}`}>
                <h2 className="tf-heading">
                  <Link href={`/runs/${run.id}`}>{run.report?.title ?? `${run.system} ${run.verb}`}</Link>
                </h2>
                {run.report ? (
                  <ReportView
                    report={run.report}
                    context={{ artifactUrl: (name) => httpApi.artifactUrl(run.id, name) }}
                  />
                ) : (
                  <EmptyState title="No report">This run is {run.status}.</EmptyState>
                )}
              </section>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function AddRun({
  room,
  chosen,
  onAdd,
}: {
  readonly room: string;
  readonly chosen: readonly string[];
  readonly onAdd: (id: string) => void;
}) {
  const others = (useRuns({ system: room, limit: MAX_CHOICES }).data ?? []).filter(({ id }) => !chosen.includes(id));
  return (
    <SelectField
      label="Add a run of this room"
      value=""
      onChange={(id) => id !== '' && onAdd(id)}
      options={[
        { value: '', label: others.length === 0 ? 'No other runs of this room' : 'Choose a run' },
        ...others.map((run) => ({
          value: run.id,
          label: `${run.verb} · ${run.status} · ${formatAgo(run.createdAtMs)} · ${run.verdict?.text ?? run.id}`.slice(
            0,
            100,
          ),
        })),
      ]}
    />
  );
}

function CompareTable({
  runs,
  onRemove,
}: {
  readonly runs: readonly RunDetail[];
  readonly onRemove: (id: string) => void;
}) {
  return (
    <div className="compare-frame" tabIndex={0} role="region" aria-label="Runs side by side">
      <table className="compare-table">
        <thead>
          <tr>
            <th scope="col">run</th>
            {runs.map((run) => (
              <th scope="col" key={run.id}>
                <Link href={`/runs/${run.id}`}>{run.id}</Link>{' '}
                <button type="button" aria-label={`Leave run ${run.id} out`} onClick={() => onRemove(run.id)}>
                  ×
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Facts name="verb" cells={runs.map((run) => run.verb)} />
          <Facts
            name="status"
            cells={runs.map((run) => (
              <StatusBadge key={run.id} status={run.status} />
            ))}
          />
          <Facts name="verdict" cells={runs.map((run) => run.report?.verdict?.text ?? '–')} />
          <Facts name="time" cells={runs.map((run) => (run.endedAtMs === undefined ? '–' : formatRunTime(run)))} />
          <Section title="Figures" rows={figureRows(runs)} />
          <Section title="Params" rows={paramRows(runs)} />
        </tbody>
      </table>
    </div>
  );
}

function Facts({ name, cells }: { readonly name: string; readonly cells: readonly ReactNode[] }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {cells.map((cell, index) => (
        <td key={index}>{cell}</td>
      ))}
    </tr>
  );
}

function Section({ title, rows }: { readonly title: string; readonly rows: readonly CompareRow[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <tr className="compare-section">
        <th scope="rowgroup" colSpan={100}>
          {title}
        </th>
      </tr>
      {rows.map(({ name, cells, isDifferent }) => (
        <tr key={name} className={isDifferent ? 'is-different' : undefined}>
          <th scope="row">{name}</th>
          {cells.map((cell, index) => (
            <td key={index}>{cell}</td>
          ))}
        </tr>
      ))}
    </>
  );
}
