/** Gradients of collectives. Convention: every rank holds a loss of its own and the quantity differentiated is the SUM of
 *  the losses of all ranks (PyTorch's functional collectives do the same). So the adjoints are exact:
 *    AllReduce sum ↔ AllReduce sum      AllGather ↔ ReduceScatter sum      AllToAll ↔ AllToAll with the axes exchanged
 *    Broadcast ↔ AllReduce sum, kept by the root.
 *  A loss that every rank computes alike counts R times: divide it by the group's size, or use the tensor-parallel pair
 *  of custom-gradient.ts. All ranks must build the same backward pass, which SPMD programs do. */
import { tensorFromNumbers } from '../../graph/index.ts';
import type { CollectiveOp, GraphValue, NodeNotes } from '../../graph/index.ts';
import type { GradContext, InputGradient, RulesOf } from '../types.ts';

/** Notes that keep the gradient in the forward node's group. */
const sameGroup = ({ node }: GradContext): { notes: Partial<NodeNotes> } => ({
  notes: {
    ...(node.notes.group === undefined ? {} : { group: node.notes.group }),
    ...(node.notes.algorithm === undefined ? {} : { algorithm: node.notes.algorithm }),
  },
});

const allReduceRule: InputGradient<'AllReduce'> = (given) => {
  const context = given as unknown as GradContext;
  const { builder: b, lean, x, y } = context;
  const { group_size, reduction } = given.attributes;
  const total = (value: GraphValue, how: 'sum' | 'mean'): GraphValue =>
    b.op('AllReduce', [value], { group_size, reduction: how }, sameGroup(context));
  if (reduction === 'sum' || reduction === 'mean') return total(context.dyFull(), reduction);
  // Extrema: the ranks that hold the extreme value share the gradient.
  const isExtreme = lean.indicator(b.equal(x(0), y()), x(0).dtype);
  return b.mul(isExtreme, b.div(total(context.dyFull(), 'sum'), total(isExtreme, 'sum')));
};

const reduceScatterRule: InputGradient<'ReduceScatter'> = (given) => {
  const context = given as unknown as GradContext;
  const { group_size, axis, reduction } = given.attributes;
  if (reduction !== 'sum' && reduction !== 'mean') context.refuse(`reduction "${reduction}" has none`);
  const gathered = context.builder.op('AllGather', [context.dyFull()], { group_size, axis }, sameGroup(context));
  return reduction === 'mean' ? context.lean.mul(gathered, 1 / group_size) : gathered;
};

const broadcastRule: InputGradient<'Broadcast'> = (given) => {
  const context = given as unknown as GradContext;
  const { builder: b, x } = context;
  const { group_size, root } = given.attributes;
  const total = b.op('AllReduce', [context.dyFull()], { group_size, reduction: 'sum' }, sameGroup(context));
  // A graph does not know its rank; handing out the unit vector of the root tells each rank whether it is the root.
  const unit = b.constant(
    tensorFromNumbers(
      x(0).dtype,
      Array.from({ length: group_size }, (_, rank) => (rank === root ? 1 : 0)),
    ),
  );
  const own = b.op('ReduceScatter', [unit], { group_size, axis: 0, reduction: 'mean' }, sameGroup(context));
  return b.mul(total, b.reshape(own, []));
};

export const COLLECTIVE_RULES: RulesOf<CollectiveOp> = {
  AllReduce: allReduceRule,
  AllGather: (context) =>
    context.builder.op(
      'ReduceScatter',
      [context.dyFull()],
      { group_size: context.attributes.group_size, axis: context.attributes.axis, reduction: 'sum' },
      sameGroup(context as unknown as GradContext),
    ),
  ReduceScatter: reduceScatterRule,
  AllToAll: (context) => {
    const { group_size, split_axis, concat_axis, send_splits, recv_splits } = context.attributes;
    const splits = send_splits && recv_splits ? { send_splits: recv_splits, recv_splits: send_splits } : {};
    return context.builder.op(
      'AllToAll',
      [context.dyFull()],
      { group_size, split_axis: concat_axis, concat_axis: split_axis, ...splits },
      sameGroup(context as unknown as GradContext),
    );
  },
  Broadcast: broadcastRule,
  Send: { none: 'what it sends is differentiated on the receiving rank: receive that gradient and pass it as a seed' },
  Recv: { none: 'what it receives is differentiated on the sending rank: ask for its gradient and send it' },
};
