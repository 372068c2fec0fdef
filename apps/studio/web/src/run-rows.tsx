/** Runs as rows: status, what ran, its verdict, when, how long. */
import { StatusBadge, type RunSummary } from '@tenfold/ui';
import { Link } from 'wouter';
import { formatAgo, formatRunTime } from './format-time.ts';

export function RunRows({ runs }: { readonly runs: readonly RunSummary[] }) {
  return (
    <ul className="run-rows">
      {runs.map((run) => (
        <li key={run.id}>
          <RunRow run={run} />
        </li>
      ))}
    </ul>
  );
}

export function RunRow({ run }: { readonly run: RunSummary }) {
  return (
    <Link href={`/runs/${run.id}`} className="run-row">
      <StatusBadge status={run.status} />
      <span className="run-row-name">
        <strong>{run.system}</strong> {run.verb}
      </span>
      <span className="run-row-verdict">{run.verdict?.text ?? paramsLine(run)}</span>
      <span className="run-row-time" title={new Date(run.createdAtMs).toLocaleString()}>
        {formatRunTime(run)} · {formatAgo(run.createdAtMs)}
      </span>
    </Link>
  );
}

function paramsLine(run: RunSummary): string {
  return Object.entries(run.params)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ');
}
