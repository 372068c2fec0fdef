/** Checks as JUnit XML: one suite per pass, one test case per tensor, for build servers. */
import type { CheckResult, Finding } from '../types.ts';

export function junitFromCheck(result: CheckResult, suite: string): string {
  return junitFromChecks({ [suite]: result });
}

/** @param passes  by name of their suite */
export function junitFromChecks(passes: Readonly<Record<string, CheckResult>>): string {
  const suites = Object.entries(passes).map(([name, result]) => suiteOf(result, name));
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>'];
  return `${lines.join('\n')}\n`;
}

function suiteOf({ findings, text }: CheckResult, suite: string): string {
  const bad = findings.filter(
    ({ status }) => status === 'FAIL' || status === 'REPLICA_DIVERGED' || status === 'MISSING',
  );
  const skipped = findings.filter(({ status }) => status === 'SKIPPED' || status === 'INCONCLUSIVE');
  return [
    `<testsuite name="${escapeXml(suite)}" tests="${findings.length}" failures="${bad.length}" skipped="${skipped.length}">`,
    ...findings.map(caseOf),
    `<system-out>${escapeXml(text)}</system-out>`,
    '</testsuite>',
  ].join('\n');
}

function caseOf(finding: Finding): string {
  const { id, module, status, rel, tau, note, hints } = finding;
  const head = `<testcase classname="${escapeXml(module)}" name="${escapeXml(id)}"`;
  if (status === 'PASS') return `${head}/>`;
  const details = [note, `rel ${String(rel)}`, `tau ${String(tau)}`, ...hints.map((hint) => hint.text)];
  const message = escapeXml(details.filter((part) => part !== undefined).join('; '));
  const tag = status === 'SKIPPED' || status === 'INCONCLUSIVE' ? 'skipped' : 'failure';
  return `${head}><${tag} message="${status}: ${message}"/></testcase>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
