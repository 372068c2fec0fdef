/** Checks every import against the table in import-rules.ts and asserts how many modules it saw,
 *  so that a parser that silently reads nothing cannot pass. */
import { globSync } from 'node:fs';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { createBoundaryRules } from './boundary-rules.ts';
import type { CheckResult } from './check-result.ts';
import { teachUsingDeclarations } from './teach-using.ts';

const SOURCE_FOLDERS = ['core/src', 'ui/src', 'systems', 'apps', 'tools/src'];
const SKIPPED = /(^|\/)(node_modules|dist|fixtures|generated|__pycache__)\//;

/** @param root  repository root @param folders  where to look, relative to root */
export async function checkBoundaries(root: string, folders: readonly string[] = SOURCE_FOLDERS): Promise<CheckResult> {
  const files = folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }))
    .filter((file) => !SKIPPED.test(file) && !file.endsWith('.d.ts'));
  teachUsingDeclarations();
  const outcome = await cruise(files, {
    baseDir: root,
    parser: 'swc',
    tsPreCompilationDeps: 'specify',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|fixtures|generated)/|^virtual:' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.css'],
    },
    validate: true,
    ruleSet: { forbidden: createBoundaryRules() },
  });
  const { modules, summary } = outcome.output as ICruiseResult;
  const seen = new Set(modules.map((module) => module.source));
  const unseen = files.filter((file) => !seen.has(file));
  const comments = new Map(createBoundaryRules().map((rule) => [rule.name, rule.comment ?? '']));
  const problems = summary.violations.map(
    (violation) =>
      `${violation.from} → ${violation.to} [${violation.rule.name}] ${comments.get(violation.rule.name) ?? ''}`,
  );
  if (unseen.length > 0)
    problems.push(`boundaries: ${unseen.length} of ${files.length} files were not read, first ${unseen[0]}`);
  const withImports = modules.filter(
    (module) => !module.source.includes('node_modules') && module.dependencies.length > 0,
  ).length;
  if (withImports * 2 < files.length)
    problems.push(
      `boundaries: only ${withImports} of ${files.length} modules have imports; the parser reads too little`,
    );
  return {
    name: 'boundaries',
    problems,
    summary: `${files.length} modules, ${summary.totalDependenciesCruised ?? 0} imports`,
  };
}
