/** An error of the server as pages see it: the same diagnostic that the command line prints. */
import { formatErrorDetails, type Diagnostic } from '@tenfold/core/base';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly diagnostic: Diagnostic;

  constructor(status: number, diagnostic: Diagnostic) {
    super(diagnosticText(diagnostic));
    this.status = status;
    this.diagnostic = diagnostic;
  }
}

/** One line, as the command line prints it: `<subject>: <expected>, got <actual> (<location>). <hints> <code>`. */
export function diagnosticText(diagnostic: Diagnostic): string {
  return formatErrorDetails(diagnostic.code, diagnostic);
}

/** A diagnostic of anything thrown, so that a page can always show one. */
export function diagnosticFromError(error: unknown, subject: string): Diagnostic {
  if (error instanceof ApiError) return error.diagnostic;
  if (isDiagnostic(error)) {
    // A TenfoldError has the fields but no severity, and as an Error they do not spread.
    const { code, expected, actual, location, hints } = error;
    return { severity: error.severity ?? 'error', code, subject: error.subject, expected, actual, location, hints };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { severity: 'error', code: 'TF-STUDIO-010', subject, expected: 'the page to work', actual: text };
}

function isDiagnostic(value: unknown): value is Diagnostic {
  return typeof value === 'object' && value !== null && 'code' in value && 'subject' in value && 'expected' in value;
}
