/** dependency-cruiser rules made from the table of imports. Each rule's comment says what to do about a violation. */
import type { IForbiddenRuleType } from 'dependency-cruiser';
import { BROWSER_SAFE, CORE_IMPORTS, CORE_TYPE_IMPORTS, type CoreFolder } from './import-rules.ts';

const coreFolders = Object.keys(CORE_IMPORTS) as CoreFolder[];

export function createBoundaryRules(): IForbiddenRuleType[] {
  return [...coreFolders.flatMap(coreFolderRules), ...roomRules(), ...otherRules()];
}

function coreFolderRules(folder: CoreFolder): IForbiddenRuleType[] {
  const allowed = [folder, ...CORE_IMPORTS[folder]];
  const typesOnly = CORE_TYPE_IMPORTS[folder] ?? [];
  const forbidden = coreFolders.filter((other) => !allowed.includes(other) && !typesOnly.includes(other));
  const rules: IForbiddenRuleType[] = [
    {
      name: `core-${folder}`,
      comment: `core/src/${folder} may import ${allowed.slice(1).join(', ') || 'nothing of ours'}. Move the code, or change tools/src/import-rules.ts with a decision record.`,
      severity: 'error',
      from: { path: `^core/src/${folder}/` },
      to: { path: `^core/src/(${forbidden.join('|')})/` },
    },
  ];
  if (typesOnly.length > 0) {
    rules.push({
      name: `core-${folder}-types`,
      comment: `core/src/${folder} may import only types of ${typesOnly.join(', ')}: write \`import type\`.`,
      severity: 'error',
      from: { path: `^core/src/${folder}/` },
      to: { path: `^core/src/(${typesOnly.join('|')})/`, dependencyTypesNot: ['type-only', 'type-import'] },
    });
  }
  return rules;
}

function roomRules(): IForbiddenRuleType[] {
  return [
    {
      name: 'room-to-room',
      comment: 'A room never imports another room. Code that three rooms want moves down into core.',
      severity: 'error',
      from: { path: '^systems/([^/]+)/' },
      to: { path: '^systems/', pathNot: '^systems/$1/' },
    },
    {
      name: 'room-to-app',
      comment: 'A room never imports an app; apps read the manifest.',
      severity: 'error',
      from: { path: '^systems/' },
      to: { path: '^apps/' },
    },
    {
      name: 'room-through-core-entry',
      comment:
        'A room reaches core through `@tenfold/core/<folder>`. Export what it needs from that folder’s index.ts.',
      severity: 'error',
      from: { path: '^(systems|apps|ui)/' },
      to: {
        path: '^core/',
        pathNot: ['^core/src/[^/]+/index\\.ts$', '^core/src/system/test-kit\\.ts$', '^core/src/nn/lab/index\\.ts$'],
      },
    },
    {
      name: 'manifest-is-data',
      comment: 'A manifest imports types, zod and defineSystem only; algorithms come through `import()` in `load`.',
      severity: 'error',
      from: { path: '^systems/[^/]+/src/manifest\\.ts$' },
      to: {
        pathNot: ['^core/src/system/index\\.ts$', '^node_modules/zod/', '^systems/[^/]+/src/(types|params)\\.ts$'],
        dynamic: false,
        dependencyTypesNot: ['type-only', 'type-import'],
      },
    },
    {
      name: 'room-src-not-to-web',
      comment: 'A room’s src never imports its page or ui.',
      severity: 'error',
      from: { path: '^systems/[^/]+/src/' },
      to: { path: '^(systems/[^/]+/web|ui)/' },
    },
  ];
}

function otherRules(): IForbiddenRuleType[] {
  return [
    {
      name: 'core-knows-no-system',
      comment: 'Nothing in core knows a system, a page or an app.',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: '^(systems|apps|ui)/' },
    },
    {
      name: 'ui-below-apps',
      comment: 'ui imports core only.',
      severity: 'error',
      from: { path: '^ui/' },
      to: { path: '^(systems|apps)/' },
    },
    {
      name: 'browser-safe',
      comment: 'This folder runs in the browser too: no Node built-ins (load them with `import()` behind a check).',
      severity: 'error',
      from: { path: BROWSER_SAFE.map((folder) => `^${folder}/`) },
      to: { dependencyTypes: ['core'], dynamic: false },
    },
    {
      name: 'no-cycle',
      comment: 'Break the cycle: move the shared part into a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'type-import'] } },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere: fix the path or install the package in the workspace that imports it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ];
}
