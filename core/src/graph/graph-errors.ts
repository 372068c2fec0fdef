/** Error codes of core/graph. */
import { defineErrors } from '../base/index.ts';

export const graphError = defineErrors({
  'TF-GRAPH-001': {
    kind: 'input',
    title: 'An op has the wrong number of inputs or outputs',
    fix: 'Compare with the op table.',
  },
  'TF-GRAPH-002': {
    kind: 'input',
    title: 'Shapes do not fit the op',
    fix: 'Check the named inputs; reshape or transpose.',
  },
  'TF-GRAPH-003': { kind: 'input', title: 'Dtypes do not fit the op', fix: 'Insert a Cast before the named input.' },
  'TF-GRAPH-004': {
    kind: 'input',
    title: 'An attribute is missing, unknown or out of range',
    fix: 'Compare with the op table.',
  },
  'TF-GRAPH-005': {
    kind: 'input',
    title: 'The graph has a cycle or its nodes are out of order',
    fix: 'Sort the nodes.',
  },
  'TF-GRAPH-006': { kind: 'input', title: 'A name is used twice', fix: 'Rename one of the two.' },
  'TF-GRAPH-007': {
    kind: 'input',
    title: 'A value is used but never defined, or defined twice',
    fix: 'Check the named node.',
  },
  'TF-GRAPH-008': {
    kind: 'input',
    title: 'An op is not one of ours',
    fix: 'Replace it, or export the model with simpler ops.',
  },
  'TF-GRAPH-009': { kind: 'input', title: 'The text form of a graph cannot be read', fix: 'Check the named line.' },
  'TF-GRAPH-010': { kind: 'input', title: 'An ONNX file is damaged or truncated', fix: 'Copy or export it again.' },
  'TF-GRAPH-011': { kind: 'input', title: 'A dimension of an ONNX file is not known', fix: 'Give its size.' },
  'TF-GRAPH-012': {
    kind: 'input',
    title: 'An ONNX file uses something that is not supported',
    fix: 'See the message.',
  },
  'TF-GRAPH-013': { kind: 'usage', title: 'A state or output is declared wrongly', fix: 'Check the named state.' },
  'TF-GRAPH-014': {
    kind: 'bug',
    title: 'A pass was called on a graph that breaks its pre-condition',
    fix: 'See the message.',
  },
  'TF-GRAPH-015': { kind: 'usage', title: 'A file would be overwritten', fix: 'Give another name, or --force.' },
});
