/** The HiGHS solver, loaded once a process. */
import type { Highs } from 'highs';

let loading: Promise<Highs> | undefined;

/** @returns the WebAssembly runtime; models made from it must be disposed */
export function loadHighs(): Promise<Highs> {
  loading ??= import('highs').then((highs) => (highs.default as unknown as () => Promise<Highs>)());
  return loading;
}
