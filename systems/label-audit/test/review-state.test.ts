import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Issue } from '../src/issue-list.ts';
import {
  actionOfKey,
  decisionsCsv,
  decisionsJson,
  EMPTY_REVIEW,
  issuesOfPair,
  proposalOf,
  review,
} from '../web/review-state.ts';
import type { ReviewState } from '../web/review-state.ts';

const CLASSES = ['cat', 'dog', 'bird, small'];
const issue = (row: number, given: string, suggested: string): Issue => ({
  row,
  id: String(row),
  given,
  suggested,
  wrongProbability: 0.9,
  score: 0.1,
  top: [
    { name: given, probability: 0.5 },
    { name: 'dog', probability: 0.4 },
  ],
  isOutlier: false,
});
const ISSUES = [issue(7, 'cat', 'dog'), issue(3, 'cat', 'cat'), issue(5, 'dog', 'cat')];

function press(keys: string, state: ReviewState = EMPTY_REVIEW): ReviewState {
  return [...keys].reduce((current, key) => {
    const action = actionOfKey(key, current, ISSUES, CLASSES);
    return action ? review(current, action, ISSUES) : current;
  }, state);
}

test('accept, reject and relabel decide the issue at the cursor and move on', () => {
  const state = press('ar3');
  assert.deepEqual(
    [...state.decisions.values()],
    [
      { row: 7, action: 'relabel', label: 'dog' },
      { row: 3, action: 'keep', label: 'cat' },
      { row: 5, action: 'relabel', label: 'bird, small' },
    ],
  );
  assert.equal(state.cursor, 2);
});

test('undo takes back one decision after the other and restores what was there before', () => {
  const decided = press('a');
  const changed = press('kr', decided);
  assert.equal(changed.decisions.get(7)!.action, 'keep');
  const undone = press('u', changed);
  assert.equal(undone.decisions.get(7)!.action, 'relabel');
  assert.equal(undone.cursor, 0);
  assert.equal(press('uu', undone).decisions.size, 0);
});

test('accepting an issue whose repair keeps the label gives the next likely class', () => {
  assert.equal(proposalOf(ISSUES[1]!), 'dog');
});

test('keys without a meaning do nothing and the cursor stays in the list', () => {
  assert.equal(press('xz9').decisions.size, 0);
  assert.equal(press('jjjjj').cursor, 2);
  assert.equal(press('kkk').cursor, 0);
});

test('exports are in the order of rows and quote what needs it', () => {
  const { decisions } = press('ar3');
  assert.deepEqual(
    JSON.parse(decisionsJson(decisions.values())).decisions.map(({ row }: { row: number }) => row),
    [3, 5, 7],
  );
  assert.equal(
    decisionsCsv(decisions.values()),
    'row,action,label\n3,keep,cat\n5,relabel,"bird, small"\n7,relabel,dog\n',
  );
});

test('N goes to the next undecided issue and, after the last, to the first that is left', () => {
  const decided = press('jar'); // the second and third are decided
  assert.equal(decided.cursor, 2);
  assert.equal(press('n', decided).cursor, 0);
  assert.equal(press('an', decided).cursor, 0);
  assert.equal(press('n', press('a')).cursor, 2);
});

test('a pair of classes leaves its issues alone in the list', () => {
  assert.deepEqual(
    issuesOfPair(ISSUES, { given: 'cat', proposal: 'dog' }).map(({ row }) => row),
    [7, 3],
  );
  assert.equal(issuesOfPair(ISSUES, undefined).length, 3);
});
