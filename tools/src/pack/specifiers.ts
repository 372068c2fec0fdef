/** Names of modules in compiled text: TypeScript rewrites imports, but neither URLs nor declaration files. */

const MODULE_URL = /new URL\((['"])(\.{1,2}\/[^'"]+)\.ts\1,\s*import\.meta\.url\)/g;
const DECLARED_IMPORT = /(\bfrom\s+|\bimport\(|\bimport\s+)(['"])(\.{1,2}\/[^'"]+)\.tsx?\2/g;
const LAUNCHED_IMPORT = /\bimport\((['"])(\.{1,2}\/[^'"]+)\.ts\1\)/g;
const RELATIVE_REFERENCE =
  /(?:\bfrom\s+|\bimport\(|\bimport\s+|new URL\()(['"])(\.{1,2}\/[^'"]*)\1(\s*,\s*import\.meta\.url)?/g;

/** Worker, fork and program files are named by URL: `./x.ts` becomes `./x.js`. */
export function rewriteModuleUrls(text: string): string {
  return text.replace(MODULE_URL, 'new URL($1$2.js$1, import.meta.url)');
}

/** Declarations refer to declarations: `./x.ts` becomes `./x.js`, beside which `x.d.ts` lies. */
export function rewriteDeclaredImports(text: string): string {
  return text.replace(DECLARED_IMPORT, '$1$2$3.js$2');
}

/** For files that were JavaScript before and so are copied, such as the launcher. */
export function rewriteLaunchedImports(text: string): string {
  return text.replace(LAUNCHED_IMPORT, 'import($1$2.js$1)');
}

/** Relative paths of a compiled file that must exist beside it: imports, and URLs that name a file. */
export function relativeReferences(text: string): string[] {
  const paths = new Set<string>();
  for (const [match, , path, fromHere] of text.matchAll(RELATIVE_REFERENCE)) {
    const isUrl = match.startsWith('new URL');
    if (!isUrl || (fromHere !== undefined && /\.\w+$/.test(path!))) paths.add(path!);
  }
  return [...paths];
}

/** Whether a text names a package or a file inside it as a module does. */
export function mentionsPackage(text: string, name: string): boolean {
  for (const quote of ["'", '"', '`']) {
    if (text.includes(`${quote}${name}${quote}`) || text.includes(`${quote}${name}/`)) return true;
  }
  return false;
}
