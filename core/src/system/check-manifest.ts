/** The rules of a manifest that types cannot say. Every room's tests call `assertManifest`. */
import type { Diagnostic } from '../base/index.ts';
import { paramFieldsOf } from './param-fields.ts';
import { systemError } from './system-errors.ts';
import type { SystemManifest, VerbManifest } from './types.ts';

/** Options that the command line keeps for itself. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['json', 'seed', 'help', 'debug', 'color', 'html', 'save']);

/** Checks a manifest. @returns one diagnostic a broken rule; empty if all hold */
export function checkManifest(manifest: SystemManifest): Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (condition: boolean, subject: string, expected: string, actual?: string): void => {
    if (!condition) found.push({ severity: 'error', code: 'TF-SYSTEM-005', subject, expected, actual });
  };
  report(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(manifest.id), manifest.id, 'id in kebab-case');
  report(manifest.question.endsWith('?'), manifest.id, 'a question that ends in "?"', manifest.question);
  report(/^\d{4}\.\d{4,5}$/.test(manifest.paper.arxiv), manifest.id, 'an arXiv number', manifest.paper.arxiv);
  const names = manifest.verbs.map((verb) => verb.name);
  report(new Set(names).size === names.length, manifest.id, 'verbs with different names', names.join(', '));
  report(names.includes(manifest.tour), manifest.id, 'the tour to be one of its verbs', manifest.tour);
  for (const verb of manifest.verbs) checkVerb(verb, `${manifest.id} ${verb.name}`, report);
  return found;
}

/** Throws the first broken rule. @throws TF-SYSTEM-005 */
export function assertManifest(manifest: SystemManifest): void {
  const [first] = checkManifest(manifest);
  if (first) throw systemError('TF-SYSTEM-005', first);
}

type Check = (condition: boolean, subject: string, expected: string, actual?: string) => void;

function checkVerb(verb: VerbManifest, subject: string, report: Check): void {
  report(/^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*$/.test(verb.name), subject, 'a verb of lower-case words', verb.name);
  report(verb.summary.length > 0 && !verb.summary.endsWith('.'), subject, 'a summary without a full stop');
  report(verb.examples.length > 0, subject, 'at least one example');
  for (const example of verb.examples) {
    report(`${example} `.startsWith(`${verb.name} `), subject, 'examples that start with the verb', example);
  }
  const fields = paramFieldsOf(verb);
  const lists = fields.filter((field) => field.isPositional).slice(0, -1);
  report(!lists.some((field) => field.type === 'array'), subject, 'a positional list only as the last argument');
  for (const field of fields) {
    report(field.description !== '', `${subject} --${field.flag}`, 'a description (.describe)');
    report(!/^no[A-Z]/.test(field.name), `${subject} --${field.flag}`, 'a name that does not begin with "no"');
    report(!RESERVED_NAMES.has(field.name), `${subject} --${field.flag}`, 'a name that the command line leaves free');
  }
}
