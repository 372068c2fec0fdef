/** Rooms by name. */
import { nearestNameHints } from '@tenfold/core/base';
import { usageError, type SystemManifest } from '@tenfold/core/system';
import { systems, type SystemEntry } from '../../../systems.ts';
import { cliError } from '../cli-errors.ts';

/** Loads the manifest of a room. @throws TF-USAGE-005 on an unknown name, TF-CLI-002 if it is not built */
export async function loadRoom(name: string, subject: string): Promise<SystemManifest> {
  if (name === 'lab') return (await import('../lab.ts')).loadLab();
  const entry = systems.find((system) => system.id === name);
  if (!entry) {
    const names = systems.map((system) => system.id);
    throw usageError('TF-USAGE-005', {
      subject,
      expected: 'a room',
      actual: `"${name}"`,
      hints: [...nearestNameHints(name, names), 'Rooms: tenfold.'],
    });
  }
  return loadEntry(entry, subject);
}

/** @throws TF-CLI-002 if the room is not built */
export async function loadEntry(entry: SystemEntry, subject = 'tenfold'): Promise<SystemManifest> {
  if (entry.load) return (await entry.load()).manifest;
  throw cliError('TF-CLI-002', {
    subject,
    expected: 'a room that is built',
    actual: `"${entry.id}", which is planned`,
    hints: [`It will answer: ${entry.question}`, 'Built rooms come first in: tenfold.'],
  });
}
