/** Networks from inputs to non-negative features [N, d]. */
import type { GraphValue } from '@tenfold/core/graph';
import { batchNorm, cnnFeatures, conv, layerNorm, linear, maxPool, resNetFeatures } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';
import { labelError } from '../label-errors.ts';
import type { Backbone } from '../types.ts';

const CHANNELS = { 'sce-mini': [16, 32, 64], sce: [64, 128, 196] } as const;
const FEATURES = { 'sce-mini': 64, sce: 256 } as const;
const MLP_WIDTHS = [256, 64];
const EMBED_WIDTH = 64;
/** Forms for small images: a 3 × 3 stem without stride or pooling.  Source: He et al. 2016 (arXiv 1512.03385), §4.2; 34 as the
 *  published PEMM code has it for CIFAR-100. */
const RESNETS = {
  'resnet-8': { stages: [16, 32, 64], blocksPerStage: 1 },
  'resnet-20': { stages: [16, 32, 64], blocksPerStage: 3 },
  'resnet-34': { stages: [64, 128, 256, 512], blocksPerStage: [3, 4, 6, 3] },
} as const;
const IMAGE_BACKBONES: ReadonlySet<Backbone> = new Set<Backbone>([
  'cnn',
  'sce-mini',
  'sce',
  'resnet-8',
  'resnet-20',
  'resnet-34',
]);
/** Of the CNN: two poolings; of the nets of the published code: three. */
const SMALLEST_SIDE_PX = 8;

/** @param x  [N, d] for mlp and embed, [N, C, H, W] for the others; mlp flattens images
 *  @throws TF-LABEL-008 if a network for images gets something else */
export function backboneFeatures(net: Net, backbone: Backbone, x: GraphValue): GraphValue {
  const { g } = net;
  if (IMAGE_BACKBONES.has(backbone)) assertImages(backbone, x.shape);
  const flat = () => (x.shape.length === 2 ? x : g.flatten(x));
  switch (backbone) {
    case 'mlp':
      return MLP_WIDTHS.reduce((h, width, i) => denseBlock(net, `fc${i + 1}`, h, width), flat());
    case 'embed':
      return denseBlock(net, 'fc', layerNorm(net, 'norm', flat()), EMBED_WIDTH);
    case 'linear-embed':
      return denseBlock(net, 'fc', flat(), EMBED_WIDTH);
    case 'cnn':
      return cnnFeatures(net, x);
    case 'resnet-8':
    case 'resnet-20':
    case 'resnet-34':
      return resNetFeatures(net, x, RESNETS[backbone]);
    case 'sce-mini':
    case 'sce': {
      let h = x;
      CHANNELS[backbone].forEach((out, stage) => {
        for (let layer = 0; layer < 2; layer++) {
          const name = `stages.${stage}.${layer}`;
          h = g.relu(batchNorm(net, `${name}.norm`, conv(net, `${name}.conv`, h, { out })));
        }
        h = maxPool(net, h);
      });
      return denseBlock(net, 'fc', g.flatten(h), FEATURES[backbone]);
    }
  }
}

function denseBlock(net: Net, name: string, x: GraphValue, width: number): GraphValue {
  return net.g.relu(batchNorm(net, `${name}.norm`, linear(net, name, x, width)));
}

function assertImages(backbone: Backbone, shape: readonly number[]): void {
  const [height, width] = shape.slice(2);
  if (shape.length === 4 && Math.min(height, width) >= SMALLEST_SIDE_PX) return;
  throw labelError('TF-LABEL-008', {
    subject: 'backbone',
    expected: `images of at least ${SMALLEST_SIDE_PX} × ${SMALLEST_SIDE_PX} pixels for ${backbone}`,
    actual: shape.length === 4 ? `${width} × ${height}` : `${shape[1]} numbers a sample`,
    hints: ['Use --backbone mlp or embed.'],
  });
}
