/** Decisions of a review, with undo. Pure: the page and the test use the same function. */
import type { Issue } from '../src/issue-list.ts';

export interface Decision {
  readonly row: number;
  readonly action: 'keep' | 'relabel';
  readonly label: string;
}

export interface ReviewState {
  /** Place in the issue list. */
  readonly cursor: number;
  readonly decisions: ReadonlyMap<number, Decision>;
  /** What each decision replaced, newest last. */
  readonly history: readonly { readonly row: number; readonly cursor: number; readonly before: Decision | undefined }[];
}

export type ReviewAction =
  | { readonly kind: 'move'; readonly to: number }
  | { readonly kind: 'decide'; readonly action: Decision['action']; readonly label: string }
  | { readonly kind: 'undo' }
  | { readonly kind: 'load'; readonly decisions: readonly Decision[] };

export interface Pair {
  readonly given: string;
  readonly proposal: string;
}

export const EMPTY_REVIEW: ReviewState = { cursor: 0, decisions: new Map(), history: [] };

export function review(state: ReviewState, action: ReviewAction, issues: readonly Issue[]): ReviewState {
  const clamp = (place: number) => Math.max(0, Math.min(issues.length - 1, place));
  switch (action.kind) {
    case 'load':
      return { ...EMPTY_REVIEW, decisions: new Map(action.decisions.map((decision) => [decision.row, decision])) };
    case 'move':
      return { ...state, cursor: clamp(action.to) };
    case 'undo': {
      const last = state.history.at(-1);
      if (last === undefined) return state;
      const decisions = new Map(state.decisions);
      if (last.before === undefined) decisions.delete(last.row);
      else decisions.set(last.row, last.before);
      return { cursor: last.cursor, decisions, history: state.history.slice(0, -1) };
    }
    case 'decide': {
      const issue = issues[state.cursor];
      if (issue === undefined) return state;
      const { row } = issue;
      const decisions = new Map(state.decisions).set(row, { row, action: action.action, label: action.label });
      const step = { row, cursor: state.cursor, before: state.decisions.get(row) };
      return { cursor: clamp(state.cursor + 1), decisions, history: [...state.history, step] };
    }
  }
}

/** What a pressed key does to the issue at the cursor; undefined if it means nothing here. */
export function actionOfKey(
  key: string,
  state: ReviewState,
  issues: readonly Issue[],
  classNames: readonly string[],
): ReviewAction | undefined {
  const issue = issues[state.cursor];
  if (issue === undefined) return undefined;
  const lower = key.toLowerCase();
  if (lower === 'a') return { kind: 'decide', action: 'relabel', label: proposalOf(issue) };
  if (lower === 'r') return { kind: 'decide', action: 'keep', label: issue.given };
  if (lower === 'u') return { kind: 'undo' };
  if (lower === 'n') return nextUndecided(state, issues);
  if (lower === 'j' || key === 'ArrowDown') return { kind: 'move', to: state.cursor + 1 };
  if (lower === 'k' || key === 'ArrowUp') return { kind: 'move', to: state.cursor - 1 };
  if (!/^[0-9]$/.test(key)) return undefined;
  // Digits are classes in order, 1 the first; classes that are digits themselves answer to their own name.
  const label = classNames.includes(key) && classNames.length <= 10 ? key : classNames[Number(key) - 1];
  return label === undefined
    ? undefined
    : { kind: 'decide', action: label === issue.given ? 'keep' : 'relabel', label };
}

/** The first issue after the cursor without a decision, else the first of all. */
function nextUndecided(state: ReviewState, issues: readonly Issue[]): ReviewAction | undefined {
  const isOpen = (issue: Issue) => !state.decisions.has(issue.row);
  const after = issues.findIndex((issue, place) => place > state.cursor && isOpen(issue));
  const to = after >= 0 ? after : issues.findIndex(isOpen);
  return to < 0 ? undefined : { kind: 'move', to };
}

/** Issues of one pair of classes: labelled `given`, proposed `proposal`; all for an undefined pair. */
export function issuesOfPair(issues: readonly Issue[], pair: Pair | undefined): readonly Issue[] {
  if (pair === undefined) return issues;
  return issues.filter((issue) => issue.given === pair.given && proposalOf(issue) === pair.proposal);
}

/** The label that “accept” gives: the repair, or the most likely other class where the repair keeps the given one. */
export function proposalOf(issue: Issue): string {
  if (issue.suggested !== issue.given) return issue.suggested;
  return issue.top.find(({ name }) => name !== issue.given)?.name ?? issue.suggested;
}

/** The file that `tenfold label-audit apply` reads. */
export function decisionsJson(decisions: Iterable<Decision>): string {
  return `${JSON.stringify({ decisions: [...decisions].sort((a, b) => a.row - b.row) }, null, 1)}\n`;
}

export function decisionsCsv(decisions: Iterable<Decision>): string {
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [...decisions]
    .sort((a, b) => a.row - b.row)
    .map(({ row, action, label }) => `${row},${action},${cell(label)}`);
  return `row,action,label\n${lines.join('\n')}\n`;
}
