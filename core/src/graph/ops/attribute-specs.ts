/** What a row of op-schemas.ts is made of: kinds of attributes, and whether they must be there. */
import type { Dtype } from '../../tensor/index.ts';

export interface AttributeTypes {
  int: number;
  float: number;
  string: string;
  ints: readonly number[];
  floats: readonly number[];
  dtype: Dtype;
  /** Negative values count from the end of input 0 (of the output for Unsqueeze and OneHot). */
  axis: number;
  axes: readonly number[];
}

export type AttributeKind = keyof AttributeTypes;

export interface AttributeSpec {
  readonly kind: AttributeKind;
  /** `derived`: optional, and the builder fills it in from the input shapes. */
  readonly presence: 'required' | 'optional' | 'default' | 'derived';
  readonly default?: number | string | readonly number[];
  /** Allowed values of a string. */
  readonly values?: readonly string[];
}

export interface OpSchema {
  /** Names as in ONNX; `?` marks optional, `...` one or more. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
}

export const required = <K extends AttributeKind>(kind: K) => ({ kind, presence: 'required' }) as const;
export const optional = <K extends AttributeKind>(kind: K) => ({ kind, presence: 'optional' }) as const;
export const derived = <K extends AttributeKind>(kind: K) => ({ kind, presence: 'derived' }) as const;
export const int = (value: number) => ({ kind: 'int', presence: 'default', default: value }) as const;
export const float = (value: number) => ({ kind: 'float', presence: 'default', default: value }) as const;
export const axis = (value: number) => ({ kind: 'axis', presence: 'default', default: value }) as const;
export const oneOf = <V extends string>(...values: readonly [V, ...V[]]) =>
  ({ kind: 'string', presence: 'default', default: values[0], values }) as const;
