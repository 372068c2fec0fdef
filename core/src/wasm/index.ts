export { assembleModule } from './assemble.ts';
export {
  advance,
  after,
  block,
  branch,
  branchIf,
  local,
  locals,
  loop,
  repeatWhile,
  sequence,
  set,
  tee,
  when,
} from './control.ts';
export { f32, f64, i32 } from './scalars.ts';
export * from './types.ts';
export { f32x4, f64x2, i16x8, i32x4, i64x2, i8x16, v128 } from './vectors.ts';
