/** Values that are made when first used. */
import type { GraphValue } from '../graph/index.ts';

/** Looks like the value that `make` builds; it is built once, when its id or name is read. Rules often want no more than
 *  a shape, and a node that nobody reads must not exist: sessions run what a graph holds.
 *  @param type  dtype and shape of the value to come */
export function lazyValue(type: Pick<GraphValue, 'dtype' | 'shape'>, make: () => GraphValue): GraphValue {
  let made: GraphValue | undefined;
  const resolve = (): GraphValue => (made ??= make());
  return {
    dtype: type.dtype,
    shape: type.shape,
    get id() {
      return resolve().id;
    },
    get name() {
      return resolve().name;
    },
  };
}
