/** Worker that photographs one shot after another, as they are asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import { createPhotographer } from './photographs.ts';
import type { StreetOptions } from './street-options.ts';
import type { Shot } from './traversals.ts';

const photographer = createPhotographer(workerData as StreetOptions);
parentPort!.on('message', (shot: Shot) => parentPort!.postMessage(photographer.take(shot)));
