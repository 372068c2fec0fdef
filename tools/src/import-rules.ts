/** Who may import whom: docs/architecture.md §2 as data. check-boundaries turns it into dependency-cruiser rules. */

/** Core folder → core folders it may import (besides itself). */
export const CORE_IMPORTS = {
  base: [],
  tensor: ['base'],
  wasm: ['base'],
  data: ['tensor', 'base'],
  graph: ['tensor', 'base'],
  report: ['tensor', 'base'],
  autodiff: ['graph', 'tensor', 'base'],
  runtime: ['graph', 'tensor', 'base'],
  nn: ['runtime', 'autodiff', 'graph', 'data', 'tensor', 'base'],
  ranks: ['runtime', 'graph', 'wasm', 'tensor', 'base'],
  schedule: ['report', 'base'],
  store: ['base'],
  system: ['report', 'base'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type CoreFolder = keyof typeof CORE_IMPORTS;

/** Core folder → core folders of which it may import types only. */
export const CORE_TYPE_IMPORTS: Readonly<Partial<Record<CoreFolder, readonly CoreFolder[]>>> = {
  system: ['store'],
  nn: ['system', 'report'],
};

/** Folders whose modules must not import Node built-ins: they run in the browser too. */
export const BROWSER_SAFE = [
  'core/src/base',
  'core/src/tensor',
  'core/src/wasm',
  'core/src/graph',
  'core/src/autodiff',
  'ui/src',
] as const;
