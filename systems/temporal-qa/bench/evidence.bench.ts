/** Speed of the annotator, of pruning, of ingestion and of questions over one million facts. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { ask, openQa } from '../src/answer/ask.ts';
import { faithKeeps } from '../src/answer/faith-compat.ts';
import { ingestPaths } from '../src/ingest/ingest.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import {
  annotateDates,
  bestVerdict,
  eventSpan,
  boundsOfYear,
  parseSpan,
  stateSpan,
  windowOf,
} from '../src/time/index.ts';

const LINES_PER_WRITE = 10_000;
const NUM_FACTS = Number(process.env['TEMPORAL_BENCH_FACTS'] ?? 1_000_000);
const NUM_QUESTIONS = 300;
const SENTENCES = [
  'The company was founded in 1994 in Leeds.',
  'He served as mayor from 1987 until June 1996 and died on 4 March 2003.',
  'Helmut Lemke, head of government, Schleswig-Holstein, start time, 1963, end time, 24 May 1971',
  'It is the largest lake of the region and home to many birds.',
  'In the early 1970s the line was extended to the harbour (1971–1975).',
  'Operations:, 1 patrol: , 11 March – 15 April 1945',
];

export async function bench(): Promise<BenchRow[]> {
  return [annotator(), ...pruning(), ...(await store())];
}

function annotator(): BenchRow {
  const texts = realTexts() ?? SENTENCES;
  // the peer: a pass of one regular expression for the commonest forms, the least that any annotator does
  const plain =
    /\b(?:\d{1,2} )?(?:January|February|March|April|May|June|July|August|September|October|November|December)(?: \d{1,2},)? \d{4}\b|\b\d{4}-\d{2}-\d{2}\b|\b[12]\d{3}\b/g;
  const rates = { ours: [] as number[], peer: [] as number[] };
  let found = 0;
  for (let round = 0; round < 7; round++) {
    let from = performance.now();
    for (let k = 0; k < 5; k++) for (const text of texts) found += annotateDates(text).length;
    rates.ours.push((texts.length * 5) / (performance.now() - from));
    from = performance.now();
    for (let k = 0; k < 5; k++) for (const text of texts) found += [...text.matchAll(plain)].length;
    rates.peer.push((texts.length * 5) / (performance.now() - from));
  }
  const [ours, peer] = [median(rates.ours) * 1000, median(rates.peer) * 1000];
  return {
    name: 'date annotator',
    ours,
    peer,
    unit: 'sentences/s',
    ratio: ours / peer,
    note: `${texts.length} sentences, ${found} dates in all; peer: one regular expression for three forms`,
  };
}

function realTexts(): string[] | undefined {
  try {
    const rows = JSON.parse(
      readFileSync(join(process.env['TENFOLD_DATA'] ?? '', 'temporal-qa/tvq-dev.json'), 'utf8'),
    ) as { evidence: string }[];
    return rows.map((row) => row.evidence);
  } catch {
    return undefined;
  }
}

function pruning(): BenchRow[] {
  const rng = createRng(3);
  const spans = Array.from({ length: 100_000 }, () => {
    const year = 1900 + rng.integer(120);
    return [
      rng.uniform() < 0.5
        ? eventSpan(boundsOfYear(year))
        : stateSpan(boundsOfYear(year), boundsOfYear(year + rng.integer(10)))!,
    ];
  });
  const constraint = [windowOf(parseSpan('1960/1970'))];
  const rates = { ours: [] as number[], peer: [] as number[] };
  let kept = 0;
  for (let round = 0; round < 7; round++) {
    let from = performance.now();
    for (const signal of ['BEFORE', 'AFTER', 'OVERLAP', 'START', 'FINISH'] as const)
      for (const span of spans) if (bestVerdict(signal, span, constraint) !== 'impossible') kept++;
    rates.ours.push((spans.length * 5) / (performance.now() - from));
    from = performance.now();
    for (const signal of ['BEFORE', 'AFTER', 'OVERLAP', 'START', 'FINISH'] as const)
      for (const span of spans) if (faithKeeps(span, signal, constraint)) kept++;
    rates.peer.push((spans.length * 5) / (performance.now() - from));
  }
  const [ours, peer] = [median(rates.ours) * 1000, median(rates.peer) * 1000];
  return [
    {
      name: 'pruning, three-valued',
      ours,
      peer,
      unit: 'checks/s',
      ratio: ours / peer,
      note: `100,000 intervals, five signals, ${kept} kept; peer: the paper’s integer rules as re-made here`,
    },
  ];
}

/** Facts of made-up towns: 20,000 subjects, 12 relations, 60,000 people. */
async function store(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-bench-'));
  try {
    const rng = createRng(11);
    const relations = [
      'mayor',
      'head coach',
      'bishop',
      'director',
      'chief engineer',
      'treasurer',
      'harbour master',
      'librarian',
      'school inspector',
      'town clerk',
      'chief of police',
      'organist',
    ];
    const file = join(folder, 'facts.csv');
    const questions: { question: string; wanted: string }[] = [];
    // Written in pieces: a million strings in memory would be garbage that the ingest has to step over.
    let lines = ['subject,relation,object,start,end'];
    for (let i = 0; i < NUM_FACTS; i++) {
      const town = `${syllables(i % 20_000)}ton`;
      const relation = relations[Math.floor(i / 20_000) % relations.length]!;
      const person = `${syllables(rng.integer(3000))} ${syllables(3000 + rng.integer(60_000))}`;
      const start = 1500 + Math.floor(i / 240_000) * 100 + rng.integer(90);
      lines.push(`${town},${relation},${person},${start},${start + 5}`);
      if (lines.length === LINES_PER_WRITE) {
        appendFileSync(file, `${lines.join('\n')}\n`);
        lines = [];
      }
      if (i % Math.floor(NUM_FACTS / NUM_QUESTIONS) === 0)
        questions.push({ question: `Who was ${relation} of ${town} in ${start + 2}?`, wanted: person });
    }
    appendFileSync(file, lines.join('\n'));
    lines = [];
    const db = join(folder, 'facts.sqlite');
    const evidence = openEvidenceStore({ file: db });
    let from = performance.now();
    const cpuFrom = process.cpuUsage();
    const result = await ingestPaths(evidence, [file]);
    const ingestRate = (result.numNew / (performance.now() - from)) * 1000;
    const cpu = process.cpuUsage(cpuFrom);
    const cpuRate = Math.round((result.numNew / (cpu.user + cpu.system)) * 1e6);
    from = performance.now();
    const qa = await openQa(evidence, { nowMs: () => performance.now() });
    const openMs = performance.now() - from;
    const times: number[] = [];
    let right = 0;
    for (const { question, wanted } of questions) {
      const started = performance.now();
      const answer = await ask(qa, question);
      times.push(performance.now() - started);
      if (answer.answers[0]?.label === wanted) right++;
    }
    times.sort((a, b) => a - b);
    await evidence.close();
    const size = statSync(db).size;
    const none = { peer: NaN, ratio: NaN };
    return [
      {
        name: 'ingest of facts from CSV, text index included',
        ours: ingestRate,
        ...none,
        unit: 'rows/s',
        note: `${result.numNew} new of ${NUM_FACTS} rows, ${cpuRate} rows per second of processor time, ${Math.round(size / result.numNew)} bytes each`,
      },
      { name: 'opening', ours: openMs, ...none, unit: 'ms', note: `${result.numEntities} names` },
      {
        name: 'question, p50',
        ours: times[Math.floor(times.length * 0.5)]!,
        ...none,
        unit: 'ms',
        note: `${questions.length} questions, ${right} right, over ${result.numNew} facts; RSS ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
      },
      { name: 'question, p95', ours: times[Math.floor(times.length * 0.95)]!, ...none, unit: 'ms', note: '' },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PARTS = [
  'ba',
  'den',
  'fol',
  'gar',
  'hil',
  'jo',
  'kem',
  'lor',
  'mi',
  'nar',
  'pel',
  'rus',
  'sta',
  'tor',
  'vin',
  'wes',
  'yor',
  'zan',
  'bro',
  'cla',
];

/** A pronounceable name for a number; different numbers, different names. */
function syllables(value: number): string {
  let name = '';
  for (let rest = value + 400; rest > 0; rest = Math.floor(rest / PARTS.length)) name += PARTS[rest % PARTS.length];
  return name[0]!.toUpperCase() + name.slice(1);
}
