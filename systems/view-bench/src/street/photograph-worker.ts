/** Worker that photographs one shot after another, as they are asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import { createPhotographer } from './photographs.ts';
import type { Shot, StreetOptions } from './traversals.ts';

const photographer = createPhotographer(workerData as StreetOptions);
parentPort!.on('message', (shot: Shot) => parentPort!.postMessage(photographer.take(shot)));
