/** The audit: is this file really 2:4, and would a sparse runtime take it? Reads one tensor at a time. */
import { openSafetensors } from '@tenfold/core/data';
import { castTensor, type Tensor } from '@tenfold/core/tensor';
import { isPrunable, supportHistogram } from '../mask/mask24.ts';

export interface MatrixAudit {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Blocks with 0, 1, 2, 3, 4 non-zero weights. */
  readonly support: readonly number[];
  /** No block has more than two non-zeros. */
  readonly isSparse24: boolean;
  /** Both sizes are multiples that cuSPARSELt takes for the dtype. */
  readonly isEligible: boolean;
  readonly zeroShare: number;
}

/** cuSPARSELt takes matrices in these multiples; other dtypes not at all. */
const MULTIPLE_OF: Readonly<Record<string, number>> = {
  float32: 8,
  float16: 16,
  bfloat16: 16,
  float8e4m3fn: 32,
  float8e5m2: 32,
  int8: 32,
};

/** @param path  safetensors file or folder */
export async function inspectFolder(path: string, onTensor?: (name: string) => void): Promise<MatrixAudit[]> {
  const reader = await openSafetensors(path);
  const audits: MatrixAudit[] = [];
  try {
    for (const { name, shape, dtype } of reader.entries.values()) {
      if (!isPrunable(name, shape) || dtype === undefined) continue;
      onTensor?.(name);
      const tensor = await reader.read(name);
      const { data } = tensor.dtype === 'float32' ? (tensor as Tensor<'float32'>) : castTensor(tensor, 'float32');
      const isDivisible = shape[1]! % 4 === 0;
      const support = isDivisible ? [...supportHistogram(data)] : [0, 0, 0, 0, 0];
      const multiple = MULTIPLE_OF[dtype] ?? Infinity;
      let zeros = 0;
      for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
      audits.push({
        name,
        shape,
        dtype,
        support,
        isSparse24: isDivisible && support[3] === 0 && support[4] === 0,
        isEligible: shape[0]! % multiple === 0 && shape[1]! % multiple === 0,
        zeroShare: data.length === 0 ? 0 : zeros / data.length,
      });
    }
  } finally {
    await reader.close();
  }
  return audits;
}
