/** The rooms' own pages, found by folder when the studio is built and loaded when they are opened. */
import type { RoomPage } from '@tenfold/ui';
import { lazy, type LazyExoticComponent } from 'react';

declare global {
  interface ImportMeta {
    glob<Module>(patterns: readonly string[]): Record<string, () => Promise<Module>>;
  }
}

const modules = import.meta.glob<{ default: RoomPage }>([
  '../../../../systems/*/web/index.tsx',
  '!../../../../systems/_*/web/index.tsx',
]);

export const roomPages: ReadonlyMap<string, LazyExoticComponent<RoomPage>> = new Map(
  Object.entries(modules).map(([path, load]) => [path.split('/').at(-3)!, lazy(load)]),
);
