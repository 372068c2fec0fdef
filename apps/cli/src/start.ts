/** Process entry: streams, warnings and exit code; everything else is in `main`. */
import { main } from './main.ts';
import { createTerminal } from './terminal.ts';

const BUG_EXIT_CODE = 70;

// node:sqlite still announces itself as experimental in Node 24; a reader of our output cannot act on that.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`);
});

// The reader of a pipe may stop reading when it has seen enough: that is a normal end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

// An error outside of any awaited work is ours; it is said in one line like every other.
process.on('uncaughtException', (cause) => {
  const text = process.argv.includes('--debug') ? cause.stack : cause.message.split('\n')[0];
  process.stderr.write(
    `✖ error tenfold: the command to run to its end, got ${text}. This is a bug of ours. TF-BASE-002\n`,
  );
  process.exit(BUG_EXIT_CODE);
});

const exitCode = await main(process.argv.slice(2), createTerminal(process));
await new Promise((resolve) => process.stdout.write('', resolve)); // flush before leaving
process.exit(exitCode);
