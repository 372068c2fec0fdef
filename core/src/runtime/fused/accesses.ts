/** Broadcasting and strided reads as index arithmetic. */
import { numel, stridesFromShape } from '../../tensor/index.ts';
import type { Shape } from '../../tensor/index.ts';
import type { Access } from './prims.ts';

/** How a reader of shape `out` reads an operand that broadcasts to it. */
export function broadcastAccess(out: Shape, operand: Shape): Access {
  const size = numel(operand);
  if (size === 1) return { kind: 'scalar' };
  if (size === numel(out)) return { kind: 'full' };
  const first = operand.findIndex((length) => length !== 1);
  const core = operand.slice(first);
  if (core.every((length, i) => length === out[out.length - core.length + i])) return { kind: 'suffix', period: size };
  const padded = [...new Array<number>(out.length - operand.length).fill(1), ...operand];
  const last = padded.findLastIndex((length) => length !== 1);
  if (padded.slice(0, last + 1).every((length, i) => length === out[i])) {
    return { kind: 'prefix', divisor: numel(out) / size };
  }
  const strides = stridesFromShape(padded);
  return stridedAccess(
    out,
    padded.map((length, axis) => (length === 1 ? 0 : strides[axis])),
  );
}

/** offset + Σ coordinate · coefficient, for the coordinates of an element of shape `out`. */
export function stridedAccess(out: Shape, coefficients: readonly number[], offset = 0): Access {
  const strides = stridesFromShape(out);
  const last = out.length - 1;
  const used = out.map((_, axis) => axis).filter((axis) => out[axis] !== 1 && coefficients[axis] !== 0);
  const isAligned =
    out.length > 0 &&
    coefficients[last] === 1 &&
    out[last] % 4 === 0 &&
    offset % 4 === 0 &&
    used.every((axis) => axis === last || coefficients[axis] % 4 === 0);
  return {
    kind: 'at',
    run: isAligned ? out[last] : 1,
    index: (at) => {
      const terms = used.map((axis) => {
        const quotient = strides[axis] === 1 ? at : `${at} / ${strides[axis]}u`;
        const isOutermost = strides[axis] * out[axis] === numel(out);
        const coordinate = isOutermost ? `(${quotient})` : `((${quotient}) % ${out[axis]}u)`;
        const coefficient = coefficients[axis];
        if (coefficient < 0) return `- ${coordinate} * ${-coefficient}u`;
        return `+ ${coordinate} * ${coefficient}u`;
      });
      return `(${offset}u ${terms.join(' ')})`;
    },
  };
}
