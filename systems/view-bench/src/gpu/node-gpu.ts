/** WebGPU in Node: Dawn, from the package webgpu. */
import { viewError } from '../view-errors.ts';

/** Dawn's instance must outlive its devices. */
let instance: GPU | undefined;

/** @throws TF-VIEW-011 if the package does not load */
export async function findNodeGpu(): Promise<GPU> {
  const runtime = await import('webgpu').catch((cause: unknown) => {
    throw viewError('TF-VIEW-011', {
      subject: 'findNodeGpu',
      expected: 'the package webgpu',
      actual: 'none that loads',
      cause,
    });
  });
  return (instance ??= runtime.create([]));
}
