/** What stands where a result would be: nothing yet, still loading, in progress, failed. */
import type { Diagnostic } from '@tenfold/core/base';
import type { RunProgress } from '@tenfold/core/store';
import type { ReactNode } from 'react';
import { diagnosticText } from '../studio/api-error.ts';
import { ToneMark } from './badge.tsx';
import { CopyButton } from './copy-button.tsx';

/** Says why there is nothing, and what to press or type next. */
export function EmptyState({
  title,
  children,
  action,
  isPage = false,
}: {
  readonly title: string;
  /** True where it is all that the page shows: the title is then its heading. */
  readonly isPage?: boolean;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="tf-empty">
      {isPage ? <h1 className="tf-empty-title">{title}</h1> : <p className="tf-empty-title">{title}</p>}
      {children && <div className="tf-empty-text">{children}</div>}
      {action && <div className="tf-row">{action}</div>}
    </div>
  );
}

export function Loading({ label = 'Loading' }: { readonly label?: string }) {
  return (
    <div className="tf-loading" role="status">
      <span className="tf-spinner" aria-hidden="true" />
      {label}…
    </div>
  );
}

const SEVERITY_TONE = { error: 'bad', warning: 'warn', info: 'info' } as const;

/** An error or finding with the command line's text and a copy button. */
export function DiagnosticView({ diagnostic }: { readonly diagnostic: Diagnostic }) {
  const tone = SEVERITY_TONE[diagnostic.severity];
  return (
    <div className={`tf-callout tone-${tone}`} role={diagnostic.severity === 'error' ? 'alert' : undefined}>
      <ToneMark tone={tone} size={14} />
      <div className="tf-callout-body">
        <p className="tf-callout-title">
          {diagnostic.subject}: {diagnostic.expected}
          {diagnostic.actual === undefined ? '.' : `, got ${diagnostic.actual}.`}
        </p>
        {diagnostic.location && <p className="tf-mono">{diagnostic.location}</p>}
        {diagnostic.hints?.map((hint) => (
          <p key={hint}>{hint}</p>
        ))}
        <p className="tf-row">
          <code>{diagnostic.code}</code>
          <CopyButton size="s" variant="quiet" text={diagnosticText(diagnostic)}>
            Copy text
          </CopyButton>
        </p>
      </div>
    </div>
  );
}

/** Phase, count and bar. Without a total the bar moves but claims nothing. */
export function ProgressView({ progress }: { readonly progress: RunProgress | undefined }) {
  const { phase = 'Waiting', done, total, note } = progress ?? {};
  const ratio = done !== undefined && total ? Math.min(1, done / total) : undefined;
  return (
    <div className="tf-progress">
      <div className="tf-progress-text" role="status">
        <span>{phase}</span>
        <span className="tf-mono">
          {done !== undefined && `${done.toLocaleString('en-US')}${total ? ` / ${total.toLocaleString('en-US')}` : ''}`}
        </span>
      </div>
      <progress aria-label={phase} max={1} {...(ratio === undefined ? {} : { value: ratio })} />
      {note && <p className="tf-field-note">{note}</p>}
    </div>
  );
}
