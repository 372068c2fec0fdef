/** Nouns of the assembler. Code is a tree; local variables stand in it as objects and get their numbers when a module is
 *  assembled, so that kernels name them and never count them. */

export type ValueType = 'i32' | 'f32' | 'f64' | 'v128';

/** A local variable or parameter of one function. As a value it is read; `set` and `tee` write it. */
export interface Local<T extends ValueType = ValueType> {
  readonly kind: 'local';
  readonly type: T;
}

/** Instructions that leave one value of this type on the stack, or none. */
export interface Code<T extends ValueType | 'none' = ValueType | 'none'> {
  readonly kind: 'code';
  readonly type: T;
  readonly items: readonly Item[];
}

export type Value<T extends ValueType = ValueType> = Code<T> | Local<T>;
export type Statement = Code<'none'>;

/** Writes the value on the stack to a local. */
export interface LocalWrite {
  readonly kind: 'write';
  readonly opcode: number;
  readonly local: Local;
}

/** A byte, or what becomes bytes. */
export type Item = number | Local | Code | LocalWrite;

export interface WasmFunction {
  /** Exported under this name. */
  readonly name: string;
  readonly params: readonly Local[];
  readonly locals?: readonly Local[];
  readonly body: readonly Statement[];
  /** What the function returns after its body; without it, nothing. */
  readonly result?: Value;
}

export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  /** Least size in pages of 64 KiB, default 1. */
  readonly minPages?: number;
  /** Shared between threads; then the most pages must be named. */
  readonly sharedMaxPages?: number;
}

export interface WasmModule {
  readonly memory: MemoryImport;
  readonly functions: readonly WasmFunction[];
}
