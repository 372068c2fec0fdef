/** The builder that everybody uses: BuilderCore plus one method an op. */
import type { Graph } from '../types.ts';
import { createBuilderCore, type BuilderCore } from './builder-core.ts';
import { createOpMethods, type OpMethods } from './op-methods.ts';

export interface GraphBuilder extends BuilderCore, OpMethods {}

/** An empty builder.
 *  @param options.reserved  names that automatic naming keeps clear of
 *  @param options.from  go on building on a copy of this graph: value ids, names, nodes, states and outputs stay */
export function createGraphBuilder(
  name: string,
  options: { readonly from?: Graph; readonly reserved?: ReadonlySet<string> } = {},
): GraphBuilder {
  const core = createBuilderCore(name, options);
  // `notes` is a getter, so the core is extended rather than spread.
  return Object.assign(core, createOpMethods(core));
}
