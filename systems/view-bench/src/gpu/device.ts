/** A WebGPU device. Never falls back to the CPU by itself. */
import { viewError } from '../view-errors.ts';
import { limitBindings } from './kernels.ts';

export interface GpuDevice {
  readonly device: GPUDevice;
  /** As the driver names it. */
  readonly adapterName: string;
}

export interface DeviceOptions {
  /** Features wanted where there are; every kernel does without. */
  readonly features?: readonly GPUFeatureName[];
  /** Bytes above which no buffer is bound, where the adapter would take more. Default: the adapter's own limit. */
  readonly maxBindingBytes?: number;
}

/** Used where there, done without where not. */
const USED_FEATURES: readonly GPUFeatureName[] = ['subgroups'];

/** Asks for the adapter's own limits, so that large clouds fit. @param gpu  `navigator.gpu`, or findNodeGpu() @throws TF-VIEW-011
 *  without an adapter or runtime */
export async function openGpuDevice(
  gpu: GPU,
  { features = USED_FEATURES, maxBindingBytes }: DeviceOptions = {},
): Promise<GpuDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw viewError('TF-VIEW-011', {
      subject: 'openGpuDevice',
      expected: 'a WebGPU adapter',
      actual: 'none',
      hints: [
        'Without a GPU, SwiftShader works: set VK_ICD_FILENAMES to its vk_swiftshader_icd.json.',
        'Or render and train on the CPU, which is the default.',
      ],
    });
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  if (maxBindingBytes !== undefined) limitBindings(device, maxBindingBytes);
  const { description, vendor, architecture, device: name } = adapter.info;
  return {
    device,
    adapterName: [vendor, name, architecture, description].filter((part) => part !== '').join(' ') || 'unnamed adapter',
  };
}
