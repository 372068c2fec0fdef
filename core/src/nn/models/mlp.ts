/** A multi-layer perceptron on flattened inputs. */
import type { GraphValue } from '../../graph/index.ts';
import { heNormal } from '../initialisers.ts';
import { linear } from '../layers/linear.ts';
import { pick } from '../net.ts';
import type { Model, Net } from '../net.ts';

export type Activation = 'relu' | 'gelu' | 'silu' | 'tanh';

/** Input `x` [N, ...]; outputs `features` [N, last hidden] and `logits` [N, classes]. */
export function mlp(options: { hidden: readonly number[]; classes: number; activation?: Activation }): Model {
  const { hidden, classes, activation = 'relu' } = options;
  return {
    name: 'mlp',
    forward(net, inputs) {
      const x = net.cast(pick(inputs, 'x', 'mlp'));
      let features = net.g.reshape(x, [x.shape[0], -1]);
      hidden.forEach((width, i) => {
        features = activate(net, linear(net, `fc${i + 1}`, features, width, { init: heNormal() }), activation);
      });
      return { features, logits: linear(net, 'head', features, classes) };
    },
  };
}

/** Applies the activation of that name, element by element. */
export function activate(net: Net, x: GraphValue, activation: Activation): GraphValue {
  return net.g[activation](x);
}
