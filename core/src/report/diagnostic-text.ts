/** Diagnostics as text, the same everywhere. */
import { formatErrorDetails, type Diagnostic, type Severity } from '../base/index.ts';
import type { Tone } from './types.ts';

export const TONE_OF_SEVERITY: Readonly<Record<Severity, Tone>> = { error: 'bad', warning: 'warn', info: 'info' };

/** `<subject>: <expected>, got <actual> (<location>). <hints> <code>`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  return formatErrorDetails(diagnostic.code, diagnostic);
}
