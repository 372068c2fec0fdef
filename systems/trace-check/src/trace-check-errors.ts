/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const traceError = defineErrors({
  'TF-TRACE-001': {
    kind: 'input',
    title: 'A folder is not a trace',
    fix: 'Give the folder that the collector wrote: it holds run.json and one index file per rank.',
  },
  'TF-TRACE-002': {
    kind: 'input',
    title: 'A line of an index file is damaged or its bytes are missing',
    fix: 'Copy the trace again; a line is only written after its bytes, so the copy is incomplete.',
  },
  'TF-TRACE-003': {
    kind: 'input',
    title: 'Files of some ranks are missing',
    fix: 'Copy the files of all ranks into one folder.',
  },
  'TF-TRACE-004': {
    kind: 'input',
    title: 'The mesh does not fit the number of ranks',
    fix: 'The product of the mesh axes must be the world size.',
  },
  'TF-TRACE-005': {
    kind: 'input',
    title: 'Two runs are not the same training step',
    fix: 'Run both with the same plan, tokens, parameters and micro-batches.',
  },
  'TF-TRACE-006': {
    kind: 'input',
    title: 'A tensor has different logical shapes',
    fix: 'Check the global shape that the annotation gives; vocabulary padding belongs outside of it.',
  },
  'TF-TRACE-007': {
    kind: 'input',
    title: 'A box lies outside of its tensor',
    fix: 'Check the placement of this tensor.',
  },
  'TF-TRACE-008': {
    kind: 'input',
    title: 'An id occurs twice in one rank',
    fix: 'Give modules with several tensors a slot (`#q`).',
  },
  'TF-TRACE-009': {
    kind: 'input',
    title: 'The reference holds values that are not finite',
    fix: 'Repair the reference first.',
  },
  'TF-TRACE-010': {
    kind: 'input',
    title: 'The perturbation was rounded away',
    fix: 'Perturb by a whole unit of the run’s precision.',
  },
  'TF-TRACE-011': {
    kind: 'input',
    title: 'Sketches cannot be compared',
    fix: 'Collect both runs with the same number of buckets.',
  },
  'TF-TRACE-012': {
    kind: 'input',
    title: 'A canonical id or placement cannot be read',
    fix: 'Ids look like it0/mb0/out/decoder.layers.0.mlp, placements like tp:S(0).',
  },
  'TF-TRACE-013': {
    kind: 'input',
    title: 'A dtype of the trace is unknown',
    fix: 'Store F32, F64, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, U8 or BOOL.',
  },
  'TF-TRACE-014': {
    kind: 'input',
    title: 'An FP8 run says nothing about its scales',
    fix: 'Record the recipe (`fp8`) in run.json.',
  },
  'TF-TRACE-015': {
    kind: 'input',
    title: 'A split does not come out even',
    fix: 'Choose sizes that the mesh divides.',
  },
  'TF-TRACE-016': {
    kind: 'usage',
    title: 'A simulated run is described wrongly',
    fix: 'See `tenfold trace-check simulate --help` for meshes, precisions and bugs.',
  },
  'TF-TRACE-018': {
    kind: 'usage',
    title: 'The logic pass is described wrongly',
    fix: 'Give both float32 traces of the same step: --logic-reference and --logic-candidate.',
  },
  'TF-TRACE-019': {
    kind: 'input',
    title: 'A file of tolerances cannot be read',
    fix: 'Write it with `tenfold trace-check tolerance … --output tolerances.json`.',
  },
  'TF-TRACE-020': {
    kind: 'input',
    title: 'A trace holds no values',
    fix: 'Record it with level full (or this tensor alone, with the option `tensors` of the collector).',
  },
  'TF-TRACE-021': {
    kind: 'usage',
    title: 'An option would have no effect',
    fix: 'Leave one of the two out, or give the traces that it needs.',
  },
  'TF-TRACE-022': {
    kind: 'usage',
    title: 'A file could not be written where it is asked for',
    fix: 'Name a file in a folder that can be written.',
  },
  'TF-TRACE-017': {
    kind: 'input',
    title: 'The layers of the run are not a whole model',
    fix: 'Every layer must be owned by exactly one pipeline stage.',
  },
});
