/** The ranked list: one issue after the other, by keyboard or button; decisions are kept in this browser. */
import { Badge, Button, EmptyState, Loading, Row, showToast, type RoomPageProps } from '@tenfold/ui';
import { useEffect, useMemo, useReducer, useRef, useState, type KeyboardEvent } from 'react';
import type { Issue } from '../src/issue-list.ts';
import { actionOfKey, decisionsCsv, decisionsJson, EMPTY_REVIEW, proposalOf, review } from './review-state.ts';
import type { Decision, ReviewAction, ReviewState } from './review-state.ts';

interface IssueFile {
  readonly classNames: readonly string[];
  readonly issues: readonly Issue[];
}

const ROW_PX = 64;
const VIEW_PX = 512;

export function Review({ page, runId }: { readonly page: RoomPageProps; readonly runId: string }) {
  const [file, setFile] = useState<IssueFile>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    setFile(undefined);
    fetch(page.api.artifactUrl(runId, 'issues.json'), { signal: abort.signal })
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
      .then((value: IssueFile) => setFile(value))
      .catch((cause: unknown) => abort.signal.aborted || setError(String(cause)));
    return () => abort.abort();
  }, [page.api, runId]);
  if (error) return <EmptyState title="The issue list could not be read">{error}. Run the audit again.</EmptyState>;
  if (!file) return <Loading label="Loading the issue list" />;
  if (file.issues.length === 0)
    return <EmptyState title="No suspicious label">Nothing to review in this run.</EmptyState>;
  return <ReviewList key={runId} runId={runId} file={file} />;
}

function ReviewList({ runId, file }: { readonly runId: string; readonly file: IssueFile }) {
  const { issues, classNames } = file;
  const storageKey = `tenfold/label-audit/${runId}`;
  const [state, dispatch] = useReducer(
    (current: ReviewState, action: ReviewAction) => review(current, action, issues),
    EMPTY_REVIEW,
    (start) => review(start, { kind: 'load', decisions: storedDecisions(storageKey) }, issues),
  );
  useEffect(() => {
    localStorage.setItem(storageKey, JSON.stringify([...state.decisions.values()]));
  }, [storageKey, state.decisions]);
  const list = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  useEffect(() => {
    const frame = list.current;
    if (!frame) return;
    const top = state.cursor * ROW_PX;
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top + ROW_PX > frame.scrollTop + VIEW_PX) frame.scrollTop = top + ROW_PX - VIEW_PX;
  }, [state.cursor]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actionOfKey(event.key, state, issues, classNames);
    if (action === undefined) return;
    event.preventDefault();
    dispatch(action);
  };
  const current = issues[state.cursor];
  const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - 2);
  const shown = issues.slice(first, first + Math.ceil(VIEW_PX / ROW_PX) + 4);
  return (
    <div className="audit-review">
      <div
        className="audit-list"
        ref={list}
        role="listbox"
        aria-label="Suspicious labels, most suspicious first"
        aria-activedescendant={`audit-issue-${state.cursor}`}
        tabIndex={0}
        style={{ height: VIEW_PX }}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onKeyDown={onKeyDown}
      >
        <div style={{ height: issues.length * ROW_PX, position: 'relative' }} role="presentation">
          {shown.map((issue, offset) => {
            const place = first + offset;
            return (
              <div
                key={issue.row}
                id={`audit-issue-${place}`}
                role="option"
                aria-selected={place === state.cursor}
                className="audit-issue"
                style={{ top: place * ROW_PX, height: ROW_PX }}
                onClick={() => dispatch({ kind: 'move', to: place })}
              >
                <Thumbnail issue={issue} size={48} />
                <span className="audit-issue-text">
                  <strong>
                    {issue.given} → {proposalOf(issue)}
                  </strong>
                  <span>{issue.preview ?? issue.id}</span>
                </span>
                <DecisionBadge decision={state.decisions.get(issue.row)} />
              </div>
            );
          })}
        </div>
      </div>
      {current && (
        <div className="audit-detail">
          <Detail issue={current} />
          <Row>
            <Button
              variant="primary"
              onClick={() => dispatch({ kind: 'decide', action: 'relabel', label: proposalOf(current) })}
            >
              Accept {proposalOf(current)} (A)
            </Button>
            <Button onClick={() => dispatch({ kind: 'decide', action: 'keep', label: current.given })}>
              Reject, keep {current.given} (R)
            </Button>
            <Button variant="quiet" disabled={state.history.length === 0} onClick={() => dispatch({ kind: 'undo' })}>
              Undo (U)
            </Button>
          </Row>
          <label className="audit-relabel">
            Another label
            <select
              className="tf-input"
              value=""
              onChange={(event) => dispatch({ kind: 'decide', action: 'relabel', label: event.target.value })}
            >
              <option value="">Choose</option>
              {classNames.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <p className="audit-hint">
            In the list: A accept, R reject, 1–9 relabel, U undo, J and K or arrows move. {state.decisions.size} of{' '}
            {issues.length} decided; kept in this browser.
          </p>
          <Row>
            <Button
              size="s"
              disabled={state.decisions.size === 0}
              onClick={() => download('decisions.json', decisionsJson(state.decisions.values()))}
            >
              Decisions as JSON
            </Button>
            <Button
              size="s"
              disabled={state.decisions.size === 0}
              onClick={() => download('decisions.csv', decisionsCsv(state.decisions.values()))}
            >
              Decisions as CSV
            </Button>
          </Row>
        </div>
      )}
    </div>
  );
}

function Detail({ issue }: { readonly issue: Issue }) {
  const bars = useMemo(() => issue.top, [issue]);
  return (
    <>
      <Thumbnail issue={issue} size={168} />
      <h3>
        {issue.id}: labelled {issue.given}
      </h3>
      <p>
        Wrong with {(100 * issue.wrongProbability).toFixed(1)} %
        {issue.agreement !== undefined && `; ${Math.round(100 * issue.agreement)} % of its neighbours carry the label`}
        {issue.duplicateSet !== undefined && `; near-duplicate set ${issue.duplicateSet}`}
        {issue.isOutlier && '; an outlier'}
        {issue.truth !== undefined && `; known truth ${issue.truth}`}.
      </p>
      <ul className="audit-bars" aria-label="Most likely classes">
        {bars.map(({ name, probability }) => (
          <li key={name}>
            <span>{name}</span>
            <meter min={0} max={1} value={probability} aria-label={`probability of ${name}`} />
            <span>{(100 * probability).toFixed(1)} %</span>
          </li>
        ))}
      </ul>
      {issue.preview && <p className="audit-preview">{issue.preview}</p>}
    </>
  );
}

function Thumbnail({ issue, size }: { readonly issue: Issue; readonly size: number }) {
  if (issue.thumbnail === undefined) return null;
  const alt = `Sample ${issue.id}, labelled ${issue.given}`;
  return <img className="audit-thumbnail" src={issue.thumbnail} alt={alt} width={size} height={size} />;
}

function DecisionBadge({ decision }: { readonly decision: Decision | undefined }) {
  if (decision === undefined) return null;
  return decision.action === 'keep' ? <Badge tone="neutral">kept</Badge> : <Badge tone="good">{decision.label}</Badge>;
}

function storedDecisions(key: string): readonly Decision[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(value) ? (value as Decision[]) : [];
  } catch {
    return [];
  }
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
  showToast({ tone: 'good', text: `${name} was saved` });
}
