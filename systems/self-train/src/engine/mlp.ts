/** Hidden layers with batch norm, ReLU and dropout. */
import { batchNorm, heNormal, linear } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';
import type { GraphValue } from '@tenfold/core/graph';
import type { BackboneValues, Drop } from './backbone.ts';

/** @param x  [N, in] */
export function buildMlp(net: Net, x: GraphValue, hidden: readonly number[], drop: Drop): BackboneValues {
  let features = x;
  let dropped = x;
  hidden.forEach((width, place) => {
    const h = linear(net, `fc${place + 1}`, dropped, width, { init: heNormal() });
    features = net.g.relu(batchNorm(net, `bn${place + 1}`, h));
    dropped = drop(place, features);
  });
  return { features, dropped };
}
