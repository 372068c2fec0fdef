/** What a command shows at its end: one JSON object, or report, verdict, time, run id and the way to the studio. */
import { formatDuration, type Diagnostic, type TenfoldError } from '@tenfold/core/base';
import { cleanText, formatDiagnostic, renderTerminal, TONE_OF_SEVERITY, TONES } from '@tenfold/core/report';
import { plainJsonFrom } from '@tenfold/core/system';
import type { GlobalOptions } from './global-options.ts';
import type { KeptRun } from './kept-run.ts';
import type { Terminal } from './terminal.ts';

/** Prints the outcome of a verb. */
export function printOutcome(terminal: Terminal, globals: GlobalOptions, { outcome, run, artifacts }: KeptRun): void {
  if (globals.json) {
    const diagnostics: unknown[] = [...outcome.diagnostics];
    if (outcome.error) diagnostics.push(outcome.error.toJSON());
    printJson(terminal, {
      ok: outcome.status === 'done',
      result: outcome.result,
      diagnostics,
      run: {
        id: run?.id ?? null,
        status: outcome.status,
        seed: outcome.seed,
        elapsedMs: Math.round(outcome.elapsedMs),
        ...(run && { system: run.system, verb: run.verb, params: run.params, artifacts }),
      },
    });
    return;
  }
  if (outcome.report) {
    terminal.out(renderTerminal(outcome.report, { width: terminal.width, hasColor: terminal.hasColor }));
  }
  for (const diagnostic of outcome.diagnostics) printDiagnostic(terminal, diagnostic);
  if (outcome.error) printError(terminal, globals, outcome.error);
  if (outcome.error?.kind === 'usage') return;
  for (const artifact of artifacts) terminal.err(`Artifact: ${artifact.path}\n`);
  const parts = [formatDuration(outcome.elapsedMs), `seed ${outcome.seed}`];
  if (run) parts.push(`run ${run.id}`, `tenfold studio --open ${run.id}`);
  terminal.err(`${parts.join(' · ')}\n`);
}

/** Prints an error that kept a command from running. */
export function printFailure(
  terminal: Terminal,
  globals: Pick<GlobalOptions, 'json' | 'debug'>,
  error: TenfoldError,
): void {
  if (globals.json) printJson(terminal, { ok: false, result: null, diagnostics: [error.toJSON()], run: null });
  else printError(terminal, globals, error);
}

function printError(terminal: Terminal, { debug }: Pick<GlobalOptions, 'debug'>, error: TenfoldError): void {
  const word = error.kind === 'cancelled' ? 'stopped' : 'error';
  terminal.err(`${paint(terminal, 'bad', `${TONES.bad.mark} ${word}`)} ${cleanText(error.message)}\n`);
  if (debug) terminal.err(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
}

function printDiagnostic(terminal: Terminal, diagnostic: Diagnostic): void {
  const tone = TONE_OF_SEVERITY[diagnostic.severity];
  terminal.err(
    `${paint(terminal, tone, `${TONES[tone].mark} ${diagnostic.severity}`)} ${cleanText(formatDiagnostic(diagnostic))}\n`,
  );
}

function printJson(terminal: Terminal, object: unknown): void {
  terminal.out(`${JSON.stringify(plainJsonFrom(object))}\n`);
}

function paint(terminal: Terminal, tone: keyof typeof TONES, text: string): string {
  const { ansi } = TONES[tone];
  return terminal.hasErrColor && ansi !== undefined ? `\u001B[${ansi}m${text}\u001B[39m` : text;
}
