/** ZeRO-1 cuts flat buffers of parameters into one equal range per data rank. */
import { isTiedAcrossStages, type Parameter, type RankState } from './rank-state.ts';

/** Elements [start, end) of a local parameter. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Parameters that share a flat buffer: each has its own, so that both copies of a tied weight are cut alike.
 *  Bug `tied-partition`: one buffer of the whole stage, in the order in which gradients become ready. */
export function buffersOf(state: RankState, parameters: readonly Parameter[]): Parameter[][] {
  if (!hasSharedBuffer(state)) return parameters.map((parameter) => [parameter]);
  const isHead = (parameter: Parameter): boolean =>
    isTiedAcrossStages(state, parameter) && state.coords.pp === state.size('pp') - 1;
  const inForwardOrder = [...parameters.filter((parameter) => !isHead(parameter)), ...parameters.filter(isHead)];
  return [inForwardOrder.toReversed()];
}

export function hasSharedBuffer({ config }: RankState): boolean {
  return config.bug === 'tied-partition' && config.isZero && config.mesh.pp > 1;
}

/** What this data rank owns of every parameter. */
export function ownRanges(state: RankState, buffers: readonly (readonly Parameter[])[]): Map<Parameter, Range> {
  const ranges = new Map<Parameter, Range>();
  for (const buffer of buffers) {
    const total = buffer.reduce((sum, { master }) => sum + master.length, 0);
    const each = Math.ceil(total / state.size('dp'));
    const [low, high] = [state.coords.dp * each, (state.coords.dp + 1) * each];
    let offset = 0;
    for (const parameter of buffer) {
      const { length } = parameter.master;
      const within = (position: number): number => Math.min(Math.max(position - offset, 0), length);
      ranges.set(parameter, { start: within(low), end: within(high) });
      offset += length;
    }
  }
  return ranges;
}
