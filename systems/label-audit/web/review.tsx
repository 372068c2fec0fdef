/** The ranked list: one issue after the other, by keyboard or button; decisions are kept in this browser. */
import { Badge, Button, EmptyState, Loading, Row, showToast, type RoomPageProps } from '@tenfold/ui';
import { useEffect, useMemo, useReducer, useRef, useState, type KeyboardEvent } from 'react';
import type { Issue } from '../src/issue-list.ts';
import type { IssueFile } from '../src/verbs/audit-outcome.ts';
import { IssueDetail, percent } from './issue-detail.tsx';
import { pictureOn } from './pictures.ts';
import type { ListedIssue } from './pictures.ts';
import {
  actionOfKey,
  decisionsCsv,
  decisionsJson,
  EMPTY_REVIEW,
  issuesOfPair,
  proposalOf,
  review,
} from './review-state.ts';
import type { Decision, Pair, ReviewAction, ReviewState } from './review-state.ts';
import { Thumbnail } from './thumbnail.tsx';

/** What the page has read so far. */
interface IssueList {
  readonly classNames: readonly string[];
  readonly numIssues: number;
  readonly rankedBy?: string;
  readonly issues: readonly ListedIssue[];
}

const ROW_PX = 64;
const VIEW_PX = 576;

/** Runs of earlier versions have all issues in one file. */
type StoredIssueFile = Pick<IssueFile, 'classNames' | 'issues'> & Partial<IssueFile>;

/** Shows the first issues as soon as they are there, then all. */
async function readIssues(
  urlOf: (name: string) => string,
  signal: AbortSignal,
  onList: (list: IssueList) => void,
): Promise<void> {
  const read = async (name: string): Promise<unknown> => {
    const response = await fetch(urlOf(name), { signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  };
  const file = (await read('issues.json')) as StoredIssueFile;
  const { classNames, issues: first, sheets, more = [], numIssues = first.length, rankedBy } = file;
  let issues: readonly ListedIssue[] = [];
  const add = (others: readonly Issue[]) => {
    const start = issues.length;
    const listed = others.map((issue, i): ListedIssue => {
      const picture = sheets && pictureOn(sheets, start + i, urlOf);
      return picture === undefined ? issue : { ...issue, picture };
    });
    issues = [...issues, ...listed];
    onList({ classNames, numIssues, issues, ...(rankedBy !== undefined && { rankedBy }) });
  };
  add(first);
  for (const name of more) {
    await new Promise((resolve) => requestAnimationFrame(resolve)); // what is there is drawn first
    add((await read(name)) as readonly Issue[]);
  }
}

interface PairChoice {
  readonly pair: Pair | undefined;
  readonly onPair: (pair: Pair | undefined) => void;
}

export function Review({
  page,
  runId,
  ...choice
}: { readonly page: RoomPageProps; readonly runId: string } & PairChoice) {
  const [file, setFile] = useState<IssueList>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    setFile(undefined);
    setError(undefined);
    readIssues((name) => page.api.artifactUrl(runId, name), abort.signal, setFile).catch(
      (cause: unknown) => abort.signal.aborted || setError(String(cause)),
    );
    return () => abort.abort();
  }, [page.api, runId]);
  if (error) return <EmptyState title="The issue list could not be read">{error}. Run the audit again.</EmptyState>;
  if (!file) return <Loading label="Loading the issue list" />;
  if (file.issues.length === 0)
    return <EmptyState title="No suspicious label">Nothing to review in this run.</EmptyState>;
  return <ReviewOfPair runId={runId} file={file} {...choice} />;
}

function ReviewOfPair({
  runId,
  file,
  pair,
  onPair,
}: { readonly runId: string; readonly file: IssueList } & PairChoice) {
  const given = pair?.given;
  const proposal = pair?.proposal;
  const issues = useMemo(
    () => issuesOfPair(file.issues, given === undefined || proposal === undefined ? undefined : { given, proposal }),
    [file.issues, given, proposal],
  );
  return (
    <>
      {file.rankedBy !== undefined && <p className="audit-ranking">Ranked by {file.rankedBy}.</p>}
      {pair && (
        <p className="audit-pair">
          <span>
            Only labels <strong>{pair.given}</strong> that look like <strong>{pair.proposal}</strong>.
          </span>
          <Button size="s" onClick={() => onPair(undefined)}>
            Show all {file.numIssues.toLocaleString('en')}
          </Button>
        </p>
      )}
      {issues.length === 0 ? (
        <EmptyState title="No suspicious label of this pair">
          {file.issues.length < file.numIssues
            ? 'The list is still being read.'
            : `The list holds the ${file.numIssues.toLocaleString('en')} most suspicious labels; none of them is of this pair.`}
        </EmptyState>
      ) : (
        <ReviewList key={`${runId} ${given} ${proposal}`} runId={runId} file={{ ...file, issues }} />
      )}
    </>
  );
}

function ReviewList({ runId, file }: { readonly runId: string; readonly file: IssueList }) {
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
  const numDecided = useMemo(
    () => issues.reduce((count, { row }) => count + Number(state.decisions.has(row)), 0),
    [issues, state.decisions],
  );
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
                  <span>
                    {percent(issue.wrongProbability)} wrong · {issue.preview ?? issue.id}
                  </span>
                </span>
                <DecisionBadge decision={state.decisions.get(issue.row)} />
              </div>
            );
          })}
        </div>
      </div>
      {current && (
        <div className="audit-detail">
          <IssueDetail issue={current} />
          <Row>
            <Button
              variant="primary"
              onClick={() => dispatch({ kind: 'decide', action: 'relabel', label: proposalOf(current) })}
            >
              Accept {proposalOf(current)} <kbd>A</kbd>
            </Button>
            <Button onClick={() => dispatch({ kind: 'decide', action: 'keep', label: current.given })}>
              Keep {current.given} <kbd>R</kbd>
            </Button>
            <Button variant="quiet" disabled={state.history.length === 0} onClick={() => dispatch({ kind: 'undo' })}>
              Undo <kbd>U</kbd>
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
            In the list: <kbd>A</kbd> accept, <kbd>R</kbd> keep, <kbd>1</kbd>–<kbd>9</kbd> relabel, <kbd>U</kbd> undo,{' '}
            <kbd>J</kbd> <kbd>K</kbd> move, <kbd>N</kbd> next undecided.
          </p>
        </div>
      )}
      <div className="audit-progress">
        <progress max={issues.length} value={numDecided} aria-label="Decided labels" />
        <span>
          {numDecided.toLocaleString('en')} of {issues.length.toLocaleString('en')} decided, kept in this browser
        </span>
        <Button
          size="s"
          icon="download"
          disabled={state.decisions.size === 0}
          onClick={() => download('decisions.json', decisionsJson(state.decisions.values()))}
        >
          Decisions as JSON
        </Button>
        <Button
          size="s"
          icon="download"
          disabled={state.decisions.size === 0}
          onClick={() => download('decisions.csv', decisionsCsv(state.decisions.values()))}
        >
          as CSV
        </Button>
      </div>
    </div>
  );
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
