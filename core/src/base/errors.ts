/** Errors and diagnostics: one shape that CLI, JSON and studio all render.
 *  Text form: `<function>: <expected>, got <actual> (<location>). <hint> <code>`.
 *  Codes are declared once per folder with `defineErrors`; docs/errors.md is generated from them. */

/** What kind of fault it is; decides the exit code (see EXIT_CODE_OF_KIND). */
export type ErrorKind = 'usage' | 'input' | 'environment' | 'cancelled' | 'bug';

export type Severity = 'error' | 'warning' | 'info';

export interface ErrorDeclaration {
  readonly kind: ErrorKind;
  /** One sentence for docs/errors.md: what is wrong, in general. */
  readonly title: string;
  /** One sentence for docs/errors.md: what to do about it. */
  readonly fix: string;
}

export interface ErrorDetails {
  /** The function or verb that complains, e.g. `matMul`, `readSafetensors`. */
  readonly subject: string;
  /** What was expected, as a clause without a full stop. */
  readonly expected: string;
  /** What came instead. Left out when `expected` already says it all. */
  readonly actual?: string;
  /** Node, file:offset, tensor, row. */
  readonly location?: string;
  /** Fixes or next commands, whole sentences, most likely first. */
  readonly hints?: readonly string[];
  readonly cause?: unknown;
}

/** A finding of a reader or checker; same fields as an error plus severity. */
export interface Diagnostic extends ErrorDetails {
  readonly severity: Severity;
  readonly code: string;
}

/** Exit codes of the command line by kind of fault. 0 done and 1 "check found problems" are no faults. */
export const EXIT_CODE_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  input: 3,
  environment: 4,
  bug: 70,
  cancelled: 130,
};

const declaredErrors = new Map<string, ErrorDeclaration>();

/** All error codes declared by the modules loaded so far. */
export function declaredErrorCodes(): ReadonlyMap<string, ErrorDeclaration> {
  return declaredErrors;
}

/** The one error class of Tenfold. */
export class TenfoldError extends Error implements ErrorDetails {
  override readonly name = 'TenfoldError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string | undefined;
  readonly location: string | undefined;
  readonly hints: readonly string[];

  constructor(code: string, details: ErrorDetails, kind?: ErrorKind) {
    super(formatErrorDetails(code, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.kind = kind ?? declaredErrors.get(code)?.kind ?? 'bug';
    this.subject = details.subject;
    this.expected = details.expected;
    this.actual = details.actual;
    this.location = details.location;
    this.hints = details.hints ?? [];
  }

  get exitCode(): number {
    return EXIT_CODE_OF_KIND[this.kind];
  }

  /** The plain fields, for JSON output and for crossing a worker boundary. */
  toJSON(): Diagnostic & { readonly kind: ErrorKind; readonly message: string } {
    return {
      severity: 'error',
      code: this.code,
      kind: this.kind,
      subject: this.subject,
      expected: this.expected,
      ...(this.actual === undefined ? {} : { actual: this.actual }),
      ...(this.location === undefined ? {} : { location: this.location }),
      hints: this.hints,
      message: this.message,
    };
  }

  /** Rebuilds an error from `toJSON` output (worker threads, HTTP). */
  static fromJSON(json: ReturnType<TenfoldError['toJSON']>): TenfoldError {
    return new TenfoldError(json.code, json, json.kind);
  }
}

/** Declares the error codes of a folder and returns the function that makes them.
 *  @param declarations  code → kind, title and fix; codes look like `TF-DATA-003`
 *  @returns `fail(code, details)`, which builds (does not throw) a TenfoldError
 *  @throws Error if a code is declared twice with different texts, or is malformed */
export function defineErrors<Code extends string>(
  declarations: Readonly<Record<Code, ErrorDeclaration>>,
): (code: Code, details: ErrorDetails) => TenfoldError {
  for (const [code, declaration] of Object.entries<ErrorDeclaration>(declarations)) {
    if (!/^TF-[A-Z0-9]+-\d{3}$/.test(code))
      throw new Error(`defineErrors: expected a code like TF-DATA-003, got ${code}`);
    const known = declaredErrors.get(code);
    if (known && known.title !== declaration.title) throw new Error(`defineErrors: ${code} is declared twice`);
    declaredErrors.set(code, declaration);
  }
  return (code, details) => new TenfoldError(code, details);
}

/** One line: `<subject>: <expected>, got <actual> (<location>). <hints> <code>`. */
export function formatErrorDetails(code: string, details: ErrorDetails): string {
  const got = details.actual === undefined ? '' : `, got ${details.actual}`;
  const where = details.location === undefined ? '' : ` (${details.location})`;
  const hints = details.hints?.length ? ` ${details.hints.join(' ')}` : '';
  return `${details.subject}: ${details.expected}${got}${where}.${hints} ${code}`;
}

/** Offers the nearest known name, for hints on a miss.
 *  @returns `Did you mean "x"?` or a list of up to eight known names; empty array if there are none
 *  Cost: O(names · length²), names are few. */
export function nearestNameHints(name: string, known: Iterable<string>): string[] {
  const names = [...known];
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  if (best !== undefined) return [`Did you mean "${best}"?`];
  if (names.length === 0) return [];
  const shown = names.slice(0, 8).join(', ');
  return [`Known: ${shown}${names.length > 8 ? `, … (${names.length} in all)` : ''}.`];
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
