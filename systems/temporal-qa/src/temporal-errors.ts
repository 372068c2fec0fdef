/** Error codes of the temporal-qa room. */
import { defineErrors } from '@tenfold/core/base';

export const temporalError = defineErrors({
  'TF-TEMPORAL-001': {
    kind: 'usage',
    title: 'A date or interval cannot be read',
    fix: 'Write it like 1994, 1994-03, 1994-03-17, 1994/2008, 1994/.., -0043-03-15 or 44 BC.',
  },
  'TF-TEMPORAL-002': {
    kind: 'usage',
    title: 'The question is empty or too long',
    fix: 'Ask one question of at most 2,000 characters.',
  },
  'TF-TEMPORAL-003': {
    kind: 'input',
    title: 'A source file cannot be read',
    fix: 'Give CSV, TSV, JSONL, Wikidata JSON, N-Triples, Markdown, HTML, wikitext or text in UTF-8.',
  },
  'TF-TEMPORAL-004': {
    kind: 'input',
    title: 'The evidence file is of another version or is no evidence file',
    fix: 'Ingest the sources again into a new file.',
  },
  'TF-TEMPORAL-005': {
    kind: 'usage',
    title: 'The evidence file has no evidence',
    fix: 'Fill it with `tenfold temporal-qa ingest <files>`.',
  },
  'TF-TEMPORAL-006': {
    kind: 'environment',
    title: 'A data set for the evaluation is absent',
    fix: 'Set TENFOLD_DATA to the folder that holds temporal-qa/, or give the file.',
  },
  'TF-TEMPORAL-007': {
    kind: 'input',
    title: 'A saved answer cannot be read',
    fix: 'Write one with `tenfold --json temporal-qa ask "…" > answer.json`.',
  },
  'TF-TEMPORAL-008': {
    kind: 'environment',
    title: 'The language-model endpoint did not give a usable frame',
    fix: 'The rules were used instead; check the address and the model name.',
  },
  'TF-TEMPORAL-009': {
    kind: 'environment',
    title: 'The PostgreSQL database cannot be reached',
    fix: 'Check host, port, user and password; the user must be allowed to create a schema.',
  },
  'TF-TEMPORAL-010': {
    kind: 'input',
    title: 'The evidence file does not exist',
    fix: 'Fill one with `tenfold temporal-qa ingest <files> --db <file>`.',
  },
  'TF-TEMPORAL-011': {
    kind: 'usage',
    title: 'There is no evidence of that number',
    fix: 'Take the number from the evidence of an answer: tenfold --json temporal-qa ask "…".',
  },
  'TF-TEMPORAL-012': {
    kind: 'usage',
    title: 'A kind of source is not known',
    fix: 'Name some of kb, text, table, info, separated by commas.',
  },
  'TF-TEMPORAL-013': {
    kind: 'environment',
    title: 'The embeddings endpoint did not give usable vectors',
    fix: 'Words alone were used; check the address and the model name.',
  },
  'TF-TEMPORAL-014': {
    kind: 'input',
    title: 'A date in a text is no day of the calendar',
    fix: 'Correct it in the source and ingest again; the text is kept without this date.',
  },
});
