/** The whole classifier and its loss: L = L_label + λ_pe · U(C) + λ_ga · L_GA.  Source: arXiv 2405.01186. */
import { counterDropout } from '@tenfold/core/graph';
import { linear } from '@tenfold/core/nn';
import type { LossFunction, Model } from '@tenfold/core/nn';
import { backboneFeatures } from './backbones.ts';
import type { Backbone, LabelLoss } from '../types.ts';
import { centreEnergy } from './centre-energy.ts';
import type { CentreEnergyOptions } from './centre-energy.ts';
import { distanceHead, mixtureReconstruction } from './distance-head.ts';
import type { HeadScale } from './distance-head.ts';
import { labelLoss } from './robust-losses.ts';
import type { LabelLossOptions } from './robust-losses.ts';

export interface ClassifierOptions {
  readonly numClasses: number;
  readonly backbone?: Backbone;
  /** Default distance. */
  readonly head?: 'distance' | 'linear';
  readonly headScale?: HeadScale;
  readonly prior?: readonly number[];
  /** Share of features that is dropped in training. Default 0.2; the linear head has none. */
  readonly dropout?: number;
  /** The published code drops features in evaluation too, so its results differ from run to run. Default false. */
  readonly hasEvaluationDropout?: boolean;
}

export interface PemmLossOptions extends LabelLossOptions {
  readonly loss?: LabelLoss;
  /** λ_pe, default 2. */
  readonly potentialWeight?: number;
  /** λ_ga, default 1. */
  readonly reconstructionWeight?: number;
  readonly potential?: CentreEnergyOptions;
}

/** Input `x`, and in training `step` (f32 scalar); with evaluation dropout `step` in evaluation too. Outputs `features`, `logits` and, with the distance head, `centres`. */
export function pemmClassifier(options: ClassifierOptions): Model {
  const { numClasses, backbone = 'mlp', head = 'distance', headScale = 'one', prior, dropout = 0.2 } = options;
  return {
    name: 'pemm',
    forward(net, inputs) {
      let features = backboneFeatures(net, backbone, net.cast(inputs['x']));
      if (head === 'linear') return { features, logits: linear(net, 'head', features, numClasses) };
      if (inputs['step'] !== undefined && (net.isTraining || options.hasEvaluationDropout === true)) {
        features = counterDropout(net.g, features, { rate: dropout, step: inputs['step'], stream: DROPOUT_STREAM });
      }
      const headOptions = { numClasses, scale: headScale, ...(prior === undefined ? {} : { prior }) };
      return { features, ...distanceHead(net, 'head', features, headOptions) };
    },
  };
}

const DROPOUT_STREAM = 7;

/** The loss of a training step; each term also leaves the graph under its name. */
export function pemmLoss(options: PemmLossOptions = {}): LossFunction {
  const { loss = 'sce', potentialWeight = 2, reconstructionWeight = 1, potential, ...labelOptions } = options;
  return ({ g, outputs, inputs }) => {
    const { logits, features, centres } = outputs;
    const { targets, weights } = inputs;
    const withInputs = { ...labelOptions, ...(targets && { targets }), ...(weights && { weights }) };
    const isWarmup = inputs['isWarmup'];
    const labelTerm = labelLoss(g, loss, logits, inputs['y'], withInputs);
    let total = g.output(
      isWarmup === undefined
        ? labelTerm
        : g.add(g.mul(isWarmup, labelLoss(g, 'ce', logits, inputs['y'])), g.mul(g.sub(1, isWarmup), labelTerm)),
      'labelLoss',
    );
    if (centres === undefined) return total;
    if (potentialWeight !== 0) {
      const energy = g.output(centreEnergy(g, centres, potential), 'potential');
      total = g.add(total, g.mul(energy, potentialWeight));
    }
    if (reconstructionWeight !== 0) {
      const reconstruction = g.output(mixtureReconstruction(g, features, logits, centres), 'reconstruction');
      total = g.add(total, g.mul(reconstruction, reconstructionWeight));
    }
    return total;
  };
}
