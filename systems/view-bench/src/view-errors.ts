/** Error codes of the view-bench room. */
import { defineErrors } from '@tenfold/core/base';

export const viewError = defineErrors({
  'TF-VIEW-001': {
    kind: 'input',
    title: 'A camera is not usable',
    fix: 'Give finite poses, positive focal lengths and a positive image size.',
  },
  'TF-VIEW-002': {
    kind: 'input',
    title: 'The splits of a scene are not usable',
    fix: 'Name at least one training frame; train and test share no frame and name only frames that are there.',
  },
  'TF-VIEW-003': {
    kind: 'input',
    title: 'An image or mask does not fit its camera or its pair',
    fix: 'Give images and masks of the size of the camera.',
  },
  'TF-VIEW-004': {
    kind: 'input',
    title: 'A scene folder lacks a file or a file is not readable',
    fix: 'Check the layout: images/, sparse/0/, train_set.txt, test_set.txt, or transforms.json.',
  },
  'TF-VIEW-005': {
    kind: 'input',
    title: 'A splat file is not readable',
    fix: 'Use a 3D Gaussian PLY: x y z, f_dc_*, f_rest_*, opacity, scale_*, rot_*.',
  },
  'TF-VIEW-006': {
    kind: 'environment',
    title: 'A metric needs a model that is not there or not readable',
    fix: 'Set TENFOLD_DATA to the data folder, name an ONNX model with --features, or leave the metric out.',
  },
  'TF-VIEW-007': {
    kind: 'input',
    title: 'Training went out of the finite numbers',
    fix: 'Lower the learning rate of the means or check the poses.',
  },
  'TF-VIEW-009': {
    kind: 'input',
    title: 'A pickle holds more than data',
    fix: 'Only numbers, text, lists and numpy arrays are opened; export other objects as JSON.',
  },
  'TF-VIEW-010': {
    kind: 'usage',
    title: 'An output file is there, or its ending names no known format',
    fix: 'Give another name or --force; clouds end in .ply, .splat or .spz.',
  },
  'TF-VIEW-011': {
    kind: 'environment',
    title: 'There is no usable WebGPU device',
    fix: 'Use a machine with a GPU driver or SwiftShader, or work on the CPU.',
  },
  'TF-VIEW-012': {
    kind: 'environment',
    title: 'The GPU has too little memory or too small buffers for this cloud and image',
    fix: 'Render a smaller image, train fewer Gaussians (--cap), or work on the CPU.',
  },
  'TF-VIEW-013': {
    kind: 'usage',
    title: 'The GPU trainer does not draw this kind of splats',
    fix: 'Use --backend cpu, or --method 3dgs.',
  },
  'TF-VIEW-008': {
    kind: 'usage',
    title: 'A cloud or gradient has the wrong size',
    fix: 'Arrays hold [N, 3] means, [N, 4] quaternions, [N, 3] log scales, [N] logits and [N, (D+1)², 3] coefficients.',
  },
});
