/** What an entry file exports, followed through `export *` and `export { a } from` to the declarations. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readModule, type Declared, type SourceModule } from './api-module.ts';

export interface ApiExport extends Declared {
  readonly name: string;
  /** Where it is declared, from the root. */
  readonly file: string;
  /** Its name there; another one if the entry renames it. */
  readonly localName: string;
}

/** Reads each file once. */
export interface ApiReader {
  /** In the order of the names. */
  readonly exportsOf: (entry: string) => readonly ApiExport[];
  /** The comment at the top of a file. */
  readonly headerOf: (file: string) => string | undefined;
}

/** @param entries  name to import by, such as `@tenfold/core/tensor` → entry file from the root */
export function createApiReader(root: string, entries: ReadonlyMap<string, string>): ApiReader {
  const modules = new Map<string, SourceModule>();

  function read(file: string): SourceModule {
    const known = modules.get(file) ?? readModule(root, file);
    modules.set(file, known);
    return known;
  }

  /** undefined for a package from outside. */
  function resolve(from: string, request: string): string | undefined {
    const file = request.startsWith('.') ? join(dirname(from), request) : entries.get(request);
    return file !== undefined && existsSync(join(root, file)) ? file : undefined;
  }

  function namesOf(file: string, visited: Set<string>): string[] {
    if (visited.has(file)) return [];
    visited.add(file);
    const { exported, stars } = read(file);
    const passed = stars.flatMap((star) => {
      const target = resolve(file, star);
      return target === undefined ? [] : namesOf(target, visited);
    });
    return [...exported.keys(), ...passed];
  }

  function findExport(file: string, name: string, visited: Set<string>): Omit<ApiExport, 'name'>[] {
    if (visited.has(file)) return [];
    visited.add(file);
    const { exported, stars } = read(file);
    const own = exported.get(name);
    if (own?.module !== undefined) return findIn(file, own.module, own.name);
    if (own) return findLocal(file, own.name);
    for (const star of stars) {
      const target = resolve(file, star);
      const found = target === undefined ? [] : findExport(target, name, visited);
      if (found.length > 0) return found;
    }
    return [];
  }

  function findIn(file: string, request: string, name: string): Omit<ApiExport, 'name'>[] {
    const target = resolve(file, request);
    return target === undefined ? [] : findExport(target, name, new Set());
  }

  function findLocal(file: string, name: string): Omit<ApiExport, 'name'>[] {
    const module = read(file);
    const declared = module.declared.get(name);
    if (declared) return declared.map((entry) => ({ ...entry, file, localName: name }));
    const imported = module.imported.get(name);
    return imported?.module === undefined ? [] : findIn(file, imported.module, imported.name);
  }

  return {
    exportsOf: (entry) =>
      [...new Set(namesOf(entry, new Set()))]
        .toSorted(compareTexts)
        .flatMap((name) => findExport(entry, name, new Set()).map((found) => ({ ...found, name }))),
    headerOf: (file) => read(file).header,
  };
}

/** By code units: the same order on every machine. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
