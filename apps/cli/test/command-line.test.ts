import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { paramFieldsOf } from '@tenfold/core/system';
import { manifest as pipePlan } from '@tenfold/pipe-plan/manifest';
import { parseVerbWords } from '../src/verb-line.ts';
import { LAUNCHER, newFolder, outputOf, runCli, spawnCli } from './run-cli.ts';

const shell = promisify(execFile);
const ESCAPE = '\u001B';

test('tenfold alone lists ten rooms and the commands of the house', async () => {
  const { code, stdout, stderr } = await runCli([]);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.equal(stdout.match(/^ {2}[a-z0-9-]+ {2,}.*\?( \(not built yet\))?$/gm)!.length, 10);
  assert.match(stdout, /^ {2}doctor {2,}say what works/m);
});

test('a room alone lists its verbs, and help of a verb shows examples first', async () => {
  const room = await runCli(['cross-families']);
  assert.equal(room.code, 0);
  assert.match(room.stdout, /^ {2}quorum plan {2,}/m);
  const verb = await runCli(['cross-families', 'max', '--help']);
  assert.equal(verb.code, 0);
  assert.ok(verb.stdout.indexOf('Examples') < verb.stdout.indexOf('Options'));
  assert.match(verb.stdout, /^ {2}--n <integer> .*\(required\)$/m);
});

test('--json prints one object with the answer and the run, and nothing else', async () => {
  const { code, stdout, stderr } = await runCli(['--json', 'cross-families', 'max', '--n', '5', '--sets', '3|1,2']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  const object = JSON.parse(stdout);
  assert.deepEqual(Object.keys(object), ['ok', 'result', 'diagnostics', 'run']);
  assert.deepEqual([object.ok, object.result.value, object.result.status], [true, '13', 'exact-closed']);
  assert.deepEqual(object.run.params, { n: 5, sets: '3|1,2' });
  const shown = await runCli(['runs', 'show', object.run.id]);
  assert.match(shown.stdout, /The maximum is 13/);
  const again = await runCli(['runs', 'rerun', object.run.id, '--json']);
  assert.equal(JSON.parse(again.stdout).result.result.value, '13');
});

test('a run ends with its verdict on stdout, and time, run and the way to the studio on stderr', async () => {
  const { code, stdout, stderr } = await runCli(['cross-families', 'max', '--n', '3', '--sets', '2|2', '--seed', '4']);
  assert.equal(code, 0);
  assert.match(stdout, /\n✔ The maximum is 6 .*\n$/);
  assert.match(stderr, /\n[\d.]+ \S+ · seed 4 · run ([0-9a-f]+) · tenfold studio --open \1\n$/);
  assert.ok(!(stdout + stderr).includes(ESCAPE), 'no codes without a terminal');
});

test('a word that begins with a minus and a digit is a value, not an option', async () => {
  const { stdout } = await runCli(['temporal-qa', 'relate', '44 BC', '-0042/-0040', '--json']);
  const { result, run } = JSON.parse(stdout);
  assert.deepEqual(run.params, { a: '44 BC', b: '-0042/-0040' });
  assert.deepEqual(result.relations, ['before', 'meets']);
});

test('--no-save leaves no trace', async () => {
  const home = join(newFolder(), 'home');
  const { code } = await runCli(['cross-families', 'max', '--n', '3', '--sets', '2|2', '--no-save'], {
    env: { TENFOLD_HOME: home },
  });
  assert.equal(code, 0);
  assert.ok(!existsSync(join(home, 'store.sqlite')));
});

test('--html writes one file and refuses to overwrite it, before the work and unless forced', async () => {
  const cwd = newFolder();
  const args = ['cross-families', 'max', '--n', '3', '--sets', '2|2', '--html', 'out.html'];
  assert.equal((await runCli(args, { cwd })).code, 0);
  assert.match(readFileSync(join(cwd, 'out.html'), 'utf8'), /^<!doctype html>/);
  const second = await runCli(args, { cwd });
  assert.equal(second.code, 2);
  assert.match(second.stderr, /which exists\. Pass --force to overwrite, or choose another name\. TF-USAGE-007/);
  assert.doesNotMatch(second.stderr, /run [0-9a-f]{10}/, 'nothing was run');
  writeFileSync(join(cwd, 'out.html'), 'old');
  assert.equal((await runCli([...args, '--force'], { cwd })).code, 0);
  assert.match(readFileSync(join(cwd, 'out.html'), 'utf8'), /^<!doctype html>/);
});

const HELP = 'Options: tenfold cross-families max --help.';

const wrongUses: readonly [string, readonly string[], number, string][] = [
  [
    'an unknown command',
    ['doctr'],
    2,
    'tenfold: a room or a command, got "doctr". Did you mean "doctor"? Rooms and commands: tenfold. TF-USAGE-005',
  ],
  [
    'an unknown verb',
    ['cross-families', 'mx', '--n', '3'],
    2,
    'cross-families: one of its verbs, got "mx". Did you mean "max"? Verbs: tenfold cross-families. TF-USAGE-004',
  ],
  ['half of a two-word verb', ['cross-families', 'quorum'], 2, 'cross-families: one of quorum plan, '],
  [
    'an unknown option',
    ['cross-families', 'max', '--st', '1'],
    2,
    `cross-families max: only options of this verb, got --st. Did you mean "--t"? ${HELP} TF-USAGE-001`,
  ],
  [
    'a text for a number',
    ['cross-families', 'max', '--n', 'five', '--sets', '1|1'],
    2,
    `cross-families max: --n must be a whole number, got "five". ${HELP} TF-USAGE-002`,
  ],
  [
    'a negative n',
    ['cross-families', 'max', '--n', '-1', '--sets', '1|1'],
    2,
    `cross-families max: --n must be at least 1, got -1. ${HELP} TF-USAGE-002`,
  ],
  ['a missing option', ['cross-families', 'max', '--n', '3'], 2, 'cross-families max: --sets is needed: '],
  [
    'an option without its value',
    ['cross-families', 'max', '--n'],
    2,
    `cross-families max: a value after --n <integer>, got none. ${HELP} TF-USAGE-003`,
  ],
  [
    'one argument too many',
    ['cross-families', 'max', '7', '--n', '3'],
    2,
    `cross-families max: at most 0 arguments without an option name, got more. ${HELP} TF-USAGE-006`,
  ],
  [
    'an argument given twice',
    ['pipe-plan', 'plan', 'sd21', '--model', 'sd15'],
    2,
    'pipe-plan plan: model once: as an argument or as --model, got both. Options: tenfold pipe-plan plan --help. TF-USAGE-006',
  ],
  [
    'a seed that is no number',
    ['doctor', '--seed', 'x'],
    2,
    'tenfold: --seed must be a whole number, got "x". TF-USAGE-002',
  ],
  ['an empty family', ['cross-families', 'max', '--n', '3', '--sets', '|2'], 2, 'TF-FAMILIES-'],
  [
    'a missing file',
    ['cross-families', 'quorum', 'plan', '--latency', 'none.tsv'],
    3,
    'cross-families quorum plan: the file "none.tsv" to exist, got no such path (',
  ],
  [
    'an unknown run',
    ['runs', 'show', 'nobody'],
    3,
    'runs show: the id of a run, got "nobody". List the runs with: tenfold runs. TF-STORE-004',
  ],
  ['an unknown room', ['tour', 'no-room'], 2, 'tour: a room, got "no-room". '],
  [
    'a bad room name',
    ['new-room', 'My Room'],
    2,
    'new-room: lower-case words with dashes, such as my-room, got "My Room". TF-CLI-004',
  ],
  [
    'a room that exists',
    ['new-room', 'cross-families'],
    2,
    'new-room: the name of a room that does not exist, got "cross-families" (',
  ],
];

for (const [name, args, exitCode, text] of wrongUses) {
  test(`${name} gives one clear error and exit code ${exitCode}`, async () => {
    const { code, stdout, stderr } = await runCli(args);
    assert.ok(stderr.includes(text), stderr);
    assert.equal(code, exitCode);
    assert.equal(stdout, '');
    assert.equal(stderr.match(/✖ error/g)!.length, 1);
    assert.doesNotMatch(stderr, /\n\s+at |node:internal/, 'no stack trace');
  });
}

test('with --json an error is an object on stdout with the same text', async () => {
  const { code, stdout, stderr } = await runCli(['--json', 'cross-families', 'mx']);
  assert.equal(code, 2);
  assert.equal(stderr, '');
  const object = JSON.parse(stdout);
  assert.deepEqual([object.ok, object.result, object.run], [false, null, null]);
  assert.equal(object.diagnostics[0].code, 'TF-USAGE-004');
});

test('an unreadable store is one error with the way out, and --no-save is a way around', async () => {
  const home = newFolder();
  writeFileSync(join(home, 'store.sqlite'), 'no database at all '.repeat(100));
  const args = ['cross-families', 'max', '--n', '3', '--sets', '2|2'];
  const { code, stderr } = await runCli(args, { env: { TENFOLD_HOME: home } });
  assert.equal(code, 3);
  assert.match(
    stderr,
    /^✖ error openStore: a readable store, got a damaged file .*Move the file away and run again: .* TF-STORE-002\n$/,
  );
  assert.equal((await runCli([...args, '--no-save'], { env: { TENFOLD_HOME: home } })).code, 0);
});

test('a home folder that cannot be made is an environment error', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'file'), '');
  const { code, stderr } = await runCli(['runs'], { env: { TENFOLD_HOME: join(folder, 'file/home') } });
  assert.equal(code, 4);
  assert.match(stderr, /TF-STORE-001/);
});

test('a closed pipe is a normal end', async () => {
  const home = join(newFolder(), 'home');
  const command = `"${process.execPath}" "${LAUNCHER}" schema cross-families max --json | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await shell('bash', ['-c', command], { env: { ...process.env, TENFOLD_HOME: home } });
  assert.equal(stdout.trim(), '0');
  assert.equal(stderr, '');
});

test('colour obeys FORCE_COLOR and NO_COLOR', async () => {
  const args = ['cross-families', 'max', '--n', '3', '--sets', '2|2', '--no-save'];
  assert.ok((await runCli(args, { env: { FORCE_COLOR: '1' } })).stdout.includes(`${ESCAPE}[32m✔`));
  assert.ok(!(await runCli(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout.includes(ESCAPE));
});

test('Ctrl-C stops a run cleanly with exit code 130, and the run is kept as cancelled', async () => {
  const home = join(newFolder(), 'home');
  const args = ['cross-families', 'tour', '--max-n', '6', '--max-families', '4'];
  const child = spawnCli(args, { env: { TENFOLD_HOME: home } });
  const output = outputOf(child);
  await new Promise((resolve) => child.stderr!.once('data', resolve)); // first progress line: the work is under way
  child.kill('SIGINT');
  const { code, stderr } = await output;
  assert.equal(code, 130);
  assert.match(stderr, /Stopping cleanly/);
  const runs = JSON.parse((await runCli(['runs', '--json'], { env: { TENFOLD_HOME: home } })).stdout).result;
  assert.deepEqual(
    runs.map((run: { status: string }) => run.status),
    ['cancelled'],
  );
});

/** A Node on PATH that is too old to read TypeScript, or why there is none. */
async function findOlderNode(): Promise<{ readonly path?: string; readonly reason: string }> {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  const path = folders.map((folder) => join(folder, 'node')).find((file) => existsSync(file));
  if (path === undefined) return { reason: 'no other Node on PATH' };
  const { stdout } = await shell(path, ['--version']);
  const isOlder = Number(stdout.slice(1).split('.')[0]) < 24;
  return isOlder ? { path, reason: '' } : { reason: `the other Node is ${stdout.trim()}, new enough itself` };
}

test('an older Node hands over to the pinned one, with exit code and output', async (context) => {
  const node = await findOlderNode();
  if (node.path === undefined) return context.skip(node.reason);
  const env = { ...process.env, TENFOLD_HOME: newFolder() };
  const { stdout } = await shell(node.path, [LAUNCHER, 'doctor', '--json'], { env });
  assert.equal(JSON.parse(stdout).result[0].detail.split(',')[0], process.versions.node);
  await assert.rejects(shell(node.path, [LAUNCHER, 'nonsense']), { code: 2 });
});

test('an older Node passes an interrupt on and ends with its exit code', async (context) => {
  const node = await findOlderNode();
  if (node.path === undefined) return context.skip(node.reason);
  const args = [LAUNCHER, 'cross-families', 'tour', '--max-n', '6', '--max-families', '4', '--no-save'];
  const child = spawn(node.path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = outputOf(child);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGINT');
  assert.equal((await output).code, 130);
});

test('the lab lists its demonstrations', async () => {
  const { code, stdout } = await runCli(['lab']);
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}train-digits {2}/m);
  assert.equal((await runCli(['lab', 'train-digit'])).code, 2);
});

test('the schema of a verb is the JSON schema of its params', async () => {
  const { stdout } = await runCli(['schema', 'cross-families', 'quorum', 'plan', '--json']);
  const schema = JSON.parse(stdout).result;
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.equal(schema.properties.readFraction.type, 'string');
});

test('the doctor names what is required and what is optional', async () => {
  const { code, stdout } = await runCli(['doctor', '--json']);
  assert.equal(code, 0);
  const findings: { name: string; state: string; isRequired: boolean; fix?: string }[] = JSON.parse(stdout).result;
  assert.deepEqual(
    findings.filter((finding) => finding.isRequired).map((finding) => [finding.name, finding.state]),
    [
      ['Node', 'works'],
      ['machine', 'works'],
      ['store', 'works'],
      ['ONNX Runtime', 'works'],
    ],
  );
  for (const finding of findings)
    if (finding.state === 'missing') assert.ok(finding.fix, `${finding.name} says how to get it`);
});

test('the doctor says what the absence of sharp costs', async () => {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (name === 'sharp') throw new Error('absent');
      return next(name, context);
    } });`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
  const { code, stdout } = await runCli(['doctor', '--json'], { env });
  assert.equal(code, 0);
  const findings: { name: string; state: string; fix?: string }[] = JSON.parse(stdout).result;
  const { state, fix } = findings.find(({ name }) => name === 'sharp (images)')!;
  assert.equal(state, 'missing');
  assert.match(fix!, /PNG and JPEG are read by decoders without native parts, .* WebP and .* are refused/);
});

test('the doctor finds a damaged store and exits with 1', async () => {
  const home = newFolder();
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'store.sqlite'), 'no database at all '.repeat(100));
  const { code, stdout } = await runCli(['doctor'], { env: { TENFOLD_HOME: home } });
  assert.equal(code, 1);
  assert.match(stdout, /✖ store/);
});

test('a kept run is exported in the form that its file name says, and nothing is overwritten unasked', async () => {
  const cwd = newFolder();
  const { stdout } = await runCli(['cross-families', 'max', '--n', '5', '--sets', '3|1,2', '--json'], { cwd });
  const { id, artifacts } = JSON.parse(stdout).run;
  assert.ok(existsSync(artifacts[0].path), 'artifacts are named with their files');
  const starts: Readonly<Record<string, RegExp>> = {
    'a.html': /^<!doctype html>/,
    'a.md': /^# /,
    'a.txt': /^Cross/,
    'a.json': /^\{/,
  };
  for (const [name, start] of Object.entries(starts)) {
    assert.equal((await runCli(['runs', 'export', id, '--to', name, '--dry-run'], { cwd })).code, 0);
    assert.ok(!existsSync(join(cwd, name)));
    assert.equal((await runCli(['runs', 'export', id, '--to', name], { cwd })).code, 0);
    assert.match(readFileSync(join(cwd, name), 'utf8'), start);
  }
  const again = await runCli(['runs', 'export', id, '--to', 'a.md'], { cwd });
  assert.deepEqual([again.code, /TF-USAGE-007/.test(again.stderr)], [2, true]);
  assert.equal((await runCli(['runs', 'export', id, '--to', 'a.md', '--force'], { cwd })).code, 0);
  const trace = await runCli(['runs', 'export', id, '--to', 'a.trace.json'], { cwd });
  assert.match(trace.stderr, /a report with a timeline, got that of cross-families max, which has none/);
  assert.match((await runCli(['runs', 'export', id, '--to', 'a.doc'], { cwd })).stderr, /TF-CLI-005/);
});

test('an argument may be given by its name, as commands copied from the studio give it', () => {
  const verb = pipePlan.verbs.find(({ name }) => name === 'plan')!;
  const parse = (words: readonly string[]) => parseVerbWords('pipe-plan plan', paramFieldsOf(verb), words);
  assert.deepEqual(parse(['--model', 'sd15', '--devices', '4']), parse(['sd15', '--devices', '4']));
  assert.deepEqual(parse(['--model', 'sd15', '--no-uneven']), { model: 'sd15', uneven: false });
});

test('a run killed in the middle is shown as interrupted and can be rerun', async () => {
  const home = join(newFolder(), 'home');
  const env = { TENFOLD_HOME: home };
  const child = spawnCli(['cross-families', 'tour', '--max-n', '6', '--max-families', '3'], { env });
  const output = outputOf(child);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGKILL');
  assert.equal((await output).code, null);
  const database = new DatabaseSync(join(home, 'store.sqlite'));
  database.exec('UPDATE runs SET heartbeat_at_ms = heartbeat_at_ms - 60000, params = \'{"maxN":3}\''); // as if a minute had passed
  database.close();
  const [run] = JSON.parse((await runCli(['runs', '--json'], { env })).stdout).result;
  assert.equal(run.status, 'interrupted');
  const again = await runCli(['runs', 'rerun', run.id, '--json'], { env });
  assert.equal(JSON.parse(again.stdout).ok, true);
  const statuses = JSON.parse((await runCli(['runs', '--json'], { env })).stdout).result.map(
    (row: { status: string }) => row.status,
  );
  assert.deepEqual(statuses, ['done', 'interrupted']);
});
