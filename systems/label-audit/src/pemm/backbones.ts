/** Networks from inputs to non-negative features [N, d]. */
import type { GraphValue } from '@tenfold/core/graph';
import { batchNorm, conv, layerNorm, linear, maxPool } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';
import type { Backbone } from '../types.ts';

const CHANNELS = { 'sce-mini': [16, 32, 64], sce: [64, 128, 196] } as const;
const FEATURES = { 'sce-mini': 64, sce: 256 } as const;
const MLP_WIDTHS = [256, 64];
const EMBED_WIDTH = 64;

/** @param x  [N, d] for mlp and embed, [N, C, H, W] for sce; mlp flattens images */
export function backboneFeatures(net: Net, backbone: Backbone, x: GraphValue): GraphValue {
  const { g } = net;
  const flat = () => (x.shape.length === 2 ? x : g.flatten(x));
  switch (backbone) {
    case 'mlp':
      return MLP_WIDTHS.reduce((h, width, i) => denseBlock(net, `fc${i + 1}`, h, width), flat());
    case 'embed':
      return denseBlock(net, 'fc', layerNorm(net, 'norm', flat()), EMBED_WIDTH);
    case 'linear-embed':
      return denseBlock(net, 'fc', flat(), EMBED_WIDTH);
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
