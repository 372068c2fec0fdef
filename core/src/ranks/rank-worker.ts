/** The worker thread of one rank: imports the rank program, runs it, reports. Reused from launch to launch. */
import { parentPort } from 'node:worker_threads';
import { TenfoldError } from '../base/index.ts';
import { createRankContext, type RankSetup } from './context.ts';
import { ranksError } from './ranks-errors.ts';
import type { RankContext, RankSpan } from './types.ts';

export interface RankTask {
  readonly setup: RankSetup;
  readonly module: string;
  readonly entry: string;
  readonly params: unknown;
}

export interface SerializedError {
  readonly tenfold?: ReturnType<TenfoldError['toJSON']>;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

export type RankReply =
  | { readonly kind: 'started' }
  | { readonly kind: 'post'; readonly value: unknown }
  | { readonly kind: 'done'; readonly result: unknown; readonly spans: readonly RankSpan[]; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly error: SerializedError };

type RankProgram = (context: RankContext, params: unknown) => unknown;

const US_PER_MS = 1e3;

parentPort!.on('message', (task: RankTask) => void runTask(task));

async function runTask({ setup, module, entry, params }: RankTask): Promise<void> {
  const reply = (message: RankReply): void => parentPort!.postMessage(message);
  try {
    const program = ((await import(module)) as Record<string, unknown>)[entry];
    if (typeof program !== 'function') {
      throw ranksError('TF-RANKS-007', {
        subject: 'launchRanks',
        expected: `the module to export a function "${entry}"`,
        actual: typeof program,
        location: module,
      });
    }
    reply({ kind: 'started' });
    const cpuBefore = process.threadCpuUsage();
    const { context, spans, openCallNames } = createRankContext(setup, (value) => reply({ kind: 'post', value }));
    const result = await (program as RankProgram)(context, params);
    const forgotten = openCallNames();
    if (forgotten.length > 0) {
      throw ranksError('TF-RANKS-004', {
        subject: 'launchRanks',
        expected: 'every handle to be waited for or abandoned',
        actual: `${forgotten.length} open: ${forgotten.slice(0, 4).join('; ')}`,
        location: `rank ${setup.rank}`,
      });
    }
    const cpu = process.threadCpuUsage(cpuBefore);
    reply({ kind: 'done', result, spans, cpuMs: (cpu.user + cpu.system) / US_PER_MS });
  } catch (error) {
    reply({ kind: 'failed', error: serializedError(error) });
  }
}

function serializedError(error: unknown): SerializedError {
  if (error instanceof TenfoldError) return { tenfold: error.toJSON(), name: error.name, message: error.message };
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack };
  return { name: 'Error', message: String(error) };
}
