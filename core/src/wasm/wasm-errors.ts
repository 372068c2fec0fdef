/** Error codes of core/wasm. */
import { defineErrors } from '../base/index.ts';

export const wasmError = defineErrors({
  'TF-WASM-001': {
    kind: 'bug',
    title: 'A number does not fit an instruction of WebAssembly',
    fix: 'Give whole numbers of 32 bits: offsets and sizes from 0 up, constants signed.',
  },
  'TF-WASM-002': {
    kind: 'bug',
    title: 'A function of a WebAssembly module uses a local that it does not list, or lists one twice',
    fix: 'Put each local once into the params or the locals of the function whose body names it.',
  },
  'TF-WASM-003': {
    kind: 'bug',
    title: 'A vector constant or a list of lanes has the wrong size',
    fix: 'A vector has 16 bytes; lanes of a shuffle count through both vectors.',
  },
});
