/** What help texts promise: every example of every built room is a command line that parses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertManifest } from '@tenfold/core/system/test-kit';
import { paramFieldsOf, parseParams } from '@tenfold/core/system';
import { systems } from '../../systems.ts';
import { parseLine } from '../src/global-options.ts';
import { HOUSE_COMMANDS } from '../src/house-commands.ts';
import { createHouse } from '../src/house/house-manifest.ts';
import { loadLab } from '../src/lab.ts';
import { findVerb } from '../src/run-line.ts';
import { createTerminal } from '../src/terminal.ts';
import { parseVerbWords } from '../src/verb-line.ts';

/** Words of a shell line; quotes group, nothing is expanded. */
function shellWords(line: string): string[] {
  return Array.from(line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g), ([word]) => word.replaceAll(/["']/g, ''));
}

function assertExampleParses(manifest: Parameters<typeof findVerb>[0], verbName: string, example: string): void {
  const line = parseLine(shellWords(example));
  const { verb, rest } = findVerb(manifest, line.operands, 'tenfold');
  assert.equal(verb.name, verbName);
  const params = parseVerbWords(verb.name, paramFieldsOf(verb), [...rest, ...line.rest]);
  parseParams(verb, params, verb.name);
}

const built = systems.filter((entry) => entry.load);

test('ten rooms are listed, each once', () => {
  assert.equal(systems.length, 10);
  assert.equal(new Set(systems.map((entry) => entry.id)).size, 10);
  assert.equal(new Set(systems.map((entry) => entry.paper.arxiv)).size, 10);
});

for (const entry of built) {
  test(`the manifest of ${entry.id} is sound and is the one that the list names`, async () => {
    const { manifest } = await entry.load!();
    assertManifest(manifest);
    assert.deepEqual([manifest.id, manifest.paper.arxiv], [entry.id, entry.paper.arxiv]);
  });

  test(`every example of ${entry.id} is a command line that parses`, async () => {
    const { manifest } = await entry.load!();
    for (const verb of manifest.verbs) {
      for (const example of verb.examples) assertExampleParses(manifest, verb.name, example);
    }
  });
}

test('every example of the lab is a command line that parses', async () => {
  const lab = await loadLab();
  for (const verb of lab.verbs) {
    for (const example of verb.examples) assertExampleParses(lab, verb.name, example);
  }
});

test('every example of the house is a command line that parses', () => {
  const terminal = createTerminal({
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    env: {},
    cwd: () => '/',
  });
  const house = createHouse({ terminal, globals: parseLine([]).globals });
  assert.equal(house.verbs.length, HOUSE_COMMANDS.length);
  for (const verb of house.verbs) {
    for (const example of verb.examples) assertExampleParses(house, verb.name, example);
  }
});
