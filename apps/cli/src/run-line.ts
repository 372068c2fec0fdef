/** A parsed command line becomes a run: verb found, words parsed, executed, printed. */
import { resolve } from 'node:path';
import { nearestNameHints } from '@tenfold/core/base';
import { renderHtml } from '@tenfold/core/report';
import {
  monotonicClock,
  paramFieldsOf,
  runVerb,
  usageError,
  writeOutputFiles,
  type SystemManifest,
  type VerbManifest,
  type VerbOutcome,
} from '@tenfold/core/system';
import type { GlobalOptions, ParsedLine } from './global-options.ts';
import { roomHelp, verbHelp } from './help.ts';
import { createHouse } from './house/house-manifest.ts';
import { listenForInterrupt } from './interrupt.ts';
import { runKept, verbFolders } from './kept-run.ts';
import { printOutcome } from './print-outcome.ts';
import { createProgressLine } from './progress-line.ts';
import type { Terminal } from './terminal.ts';
import { parseVerbWords } from './verb-line.ts';

const FORCE = '--force';

/** `tenfold <room> [verb …]`. */
export async function runRoomLine(manifest: SystemManifest, line: ParsedLine, terminal: Terminal): Promise<number> {
  const words = line.operands.slice(1);
  const isKnown = manifest.verbs.some((verb) => `${words.join(' ')} `.startsWith(`${verb.name} `));
  if ((words.length === 0 && line.rest.length === 0) || (line.globals.help && !isKnown)) {
    terminal.out(roomHelp(manifest));
    return 0;
  }
  const { verb, rest } = findVerb(manifest, words, `tenfold ${manifest.id}`);
  return runLine({ manifest, verb, words: [...rest, ...line.rest], globals: line.globals, terminal, isKept: true });
}

/** `tenfold doctor` and the other commands of the house. */
export async function runHouseLine(line: ParsedLine, terminal: Terminal): Promise<number> {
  const house = createHouse({ terminal, globals: line.globals });
  const { verb, rest } = findVerb(house, line.operands, 'tenfold');
  return runLine({
    manifest: house,
    verb,
    words: [...rest, ...line.rest],
    globals: line.globals,
    terminal,
    isKept: false,
  });
}

/** The verb with the most words that the line begins with. @throws TF-USAGE-004 */
export function findVerb(
  manifest: SystemManifest,
  words: readonly string[],
  prefix: string,
): { readonly verb: VerbManifest; readonly rest: readonly string[] } {
  const text = `${words.join(' ')} `;
  const matches = manifest.verbs.filter((verb) => text.startsWith(`${verb.name} `));
  const verb = matches.sort((a, b) => b.name.length - a.name.length)[0];
  if (verb) return { verb, rest: words.slice(verb.name.split(' ').length) };
  const names = manifest.verbs.map((candidate) => candidate.name);
  const group = names.filter((name) => name.startsWith(`${words[0]} `));
  throw usageError('TF-USAGE-004', {
    subject: manifest.id,
    expected: group.length > 0 ? `one of ${group.join(', ')}` : 'one of its verbs',
    actual: words.length === 0 ? 'none' : `"${words.join(' ')}"`,
    hints: [...(words.length === 0 ? [] : nearestVerbHints(words, names, group.length > 0)), `Verbs: ${prefix}.`],
  });
}

/** Arguments may follow the mistyped verb, so its first words are compared as well.
 *  @param isGroup  the error lists the verbs already, so that only a near miss is worth a hint */
function nearestVerbHints(words: readonly string[], names: readonly string[], isGroup: boolean): string[] {
  const attempts = [words.join(' '), words.slice(0, 2).join(' '), words[0]!].map((attempt) =>
    nearestNameHints(attempt, names),
  );
  return attempts.find((hints) => hints[0]?.startsWith('Did you mean')) ?? (isGroup ? [] : attempts[0]!);
}

interface LineOptions {
  readonly manifest: SystemManifest;
  readonly verb: VerbManifest;
  readonly words: readonly string[];
  readonly globals: GlobalOptions;
  readonly terminal: Terminal;
  readonly isKept: boolean;
}

async function runLine({ manifest, verb, words, globals, terminal, isKept }: LineOptions): Promise<number> {
  const fields = paramFieldsOf(verb);
  const prefix = `tenfold ${manifest.id}`.trim();
  if (globals.help) {
    terminal.out(verbHelp(prefix, verb, fields));
    return 0;
  }
  const subject = `${manifest.id} ${verb.name}`.trim();
  // `--force` belongs to --html where the verb itself writes nothing
  const isForced = words.includes(FORCE);
  const isForHtml = globals.html !== undefined && !fields.some(({ flag }) => `--${flag}` === FORCE);
  const params = parseVerbWords(subject, fields, isForHtml ? words.filter((word) => word !== FORCE) : words);
  const html =
    globals.html === undefined ? undefined : { path: globals.html, force: isForced, folder: terminal.workingFolder };
  // before the work, whose result would be lost with the error
  if (html) writeHtmlFile('', html, true);
  const interrupt = listenForInterrupt(terminal);
  const progress = createProgressLine(terminal, monotonicClock);
  const shared = { seed: globals.seed, signal: interrupt.signal, onProgress: progress.update };
  try {
    const kept = isKept
      ? await runKept(terminal, { manifest, verbName: verb.name, params, save: globals.save, ...shared })
      : {
          outcome: await runVerb(manifest, verb.name, params, { ...verbFolders(terminal), ...shared }),
          run: undefined,
          artifacts: [],
        };
    progress.end();
    if (html) await writeHtml(kept.outcome, html, terminal);
    printOutcome(terminal, globals, kept);
    return kept.outcome.exitCode;
  } finally {
    progress.end();
    interrupt.stop();
  }
}

interface HtmlFile {
  readonly path: string;
  readonly force: boolean;
  readonly folder: string;
}

async function writeHtml(outcome: VerbOutcome, file: HtmlFile, terminal: Terminal): Promise<void> {
  if (!outcome.report) return;
  writeHtmlFile(await renderHtml(outcome.report, { footer: `Tenfold · seed ${outcome.seed}` }), file, false);
  terminal.err(`Report: ${resolve(file.folder, file.path)}\n`);
}

function writeHtmlFile(bytes: string, { path, force, folder }: HtmlFile, dryRun: boolean): void {
  const context = { workingFolder: folder };
  writeOutputFiles([{ path, bytes }], { subject: 'tenfold --html', context, dryRun, force });
}
