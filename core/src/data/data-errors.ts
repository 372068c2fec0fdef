/** Error codes of core/data. */
import { defineErrors } from '../base/index.ts';
import type { ErrorDetails, TenfoldError } from '../base/index.ts';

export const dataError = defineErrors({
  'TF-DATA-001': {
    kind: 'input',
    title: 'A file cannot be opened or read',
    fix: 'Check the path and the rights; the message names both.',
  },
  'TF-DATA-002': {
    kind: 'input',
    title: 'A file is not of the expected format',
    fix: 'Check that the right file was given; its first bytes tell its format.',
  },
  'TF-DATA-003': {
    kind: 'input',
    title: 'A file ends too early',
    fix: 'Copy or download it again and compare its size with the original.',
  },
  'TF-DATA-004': {
    kind: 'input',
    title: 'A header or record of a file contradicts itself',
    fix: 'The file is damaged or was written by a faulty program; write it again.',
  },
  'TF-DATA-005': {
    kind: 'input',
    title: 'Byte ranges inside a file overlap or leave gaps',
    fix: 'Write the file again with a current version of its library.',
  },
  'TF-DATA-006': {
    kind: 'input',
    title: 'A file uses a part of its format that is not read here',
    fix: 'Convert the file; the message says what to.',
  },
  'TF-DATA-007': {
    kind: 'input',
    title: 'A tensor, column or member of that name does not exist',
    fix: 'Use one of the names in the message.',
  },
  'TF-DATA-008': {
    kind: 'input',
    title: 'The output file exists already',
    fix: 'Choose another name or pass force to replace it.',
  },
  'TF-DATA-009': {
    kind: 'environment',
    title: 'An optional package that this reader needs is not installed',
    fix: 'Install the package that the message names.',
  },
  'TF-DATA-010': {
    kind: 'input',
    title: 'A value in a row or line is not what its column or format says',
    fix: 'Correct the line that the message names.',
  },
  'TF-DATA-011': {
    kind: 'input',
    title: 'A line, header or member is larger than the limit',
    fix: 'Raise the limit by the option that the message names if the file is right.',
  },
  'TF-DATA-012': {
    kind: 'input',
    title: 'What was handed to a writer does not fit what it announced',
    fix: 'Announce the names, dtypes and shapes that are then written.',
  },
  'TF-DATA-013': {
    kind: 'input',
    title: 'A split or batch cannot be made from these samples',
    fix: 'Use fewer folds, other fractions or more samples per class.',
  },
});

export const TRUNCATED_HINT = 'The file looks truncated; copy it again.';

/** TF-DATA-003 in the one form all readers use.
 *  @param part  what is missing, e.g. `tensor "wte"` @param start, end  bytes it needs @param fileEnd  bytes there are */
export function truncatedError(
  subject: string,
  part: string,
  range: { readonly start: number; readonly end: number },
  file: { readonly name: string; readonly byteLength: number },
): TenfoldError {
  return dataError('TF-DATA-003', {
    subject,
    expected: `${part} needs bytes ${range.start}-${range.end} but the file ends at ${file.byteLength}`,
    location: file.name,
    hints: [TRUNCATED_HINT],
  });
}

/** TF-DATA-009 for an optional package. */
export function missingPackageError(subject: string, packageName: string, cause: unknown): TenfoldError {
  const details: ErrorDetails = {
    subject,
    expected: `the optional package "${packageName}" to be installed`,
    hints: [`Run: npm install ${packageName}`],
    cause,
  };
  return dataError('TF-DATA-009', details);
}
