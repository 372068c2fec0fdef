/** Prints what `webgpu` and `auto` come to on this machine. */
import { TenfoldError } from '@tenfold/core/base';
import { openBackend } from '../src/verbs/backend.ts';

for (const choice of ['cpu', 'webgpu', 'auto'] as const) {
  try {
    using backend = await openBackend(choice);
    console.log(JSON.stringify({ choice, name: backend.name, adapterName: backend.adapterName }));
  } catch (cause) {
    console.log(JSON.stringify({ choice, text: cause instanceof TenfoldError ? cause.message : String(cause) }));
  }
}
