/** A WebGPU device with all that its adapter offers, opened once for the process. */
import type { Kernel } from './kernel-text.ts';

/** Kernels here index inside their buffers by construction, so that checks at every access and dispatch are not needed. */
const DAWN_FEATURES =
  'enable-dawn-features=allow_unsafe_apis,disable_robustness,skip_validation,vulkan_enable_f16_on_nvidia';

/** Browsers round times for fear of attacks; profiles want them whole. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization';

/** Not in the standard yet; its types know nothing of it. */
const MATRIX_UNITS = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Optional features that kernels or profiles use. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'timestamp-query', 'subgroups', MATRIX_UNITS];

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

export interface OpenedGpu {
  readonly device: GPUDevice;
  /** Drawn by the processor: kernels take minutes to compile there, and win nothing. */
  readonly isSoftware: boolean;
  readonly hasHalf: boolean;
  readonly hasTimestamps: boolean;
  readonly maxBuffers: number;
  /** Matrices of f16, 16 × 16 × 16 with sums in f32, in subgroups of 32. */
  readonly hasMatrixUnits: boolean;
  pipelineOf(kernel: Kernel): Promise<GPUComputePipeline>;
}

let opened: Promise<OpenedGpu | undefined> | undefined;
/** Dawn's instance must outlive its devices. */
let instance: GPU | undefined;

/** undefined where there is no Dawn or no adapter. */
export function openGpu(): Promise<OpenedGpu | undefined> {
  return (opened ??= open());
}

async function open(): Promise<OpenedGpu | undefined> {
  const dawn = await import('webgpu').catch(() => undefined);
  if (dawn === undefined) return undefined;
  Object.assign(globalThis, dawn.globals);
  instance ??= dawn.create([DAWN_FEATURES, EXACT_TIMES]);
  const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (adapter === null) return undefined;
  const requiredFeatures = FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  return {
    device,
    isSoftware: /swiftshader|llvmpipe|lavapipe|software/i.test(
      `${adapter.info.architecture} ${adapter.info.description}`,
    ),
    hasHalf: device.features.has('shader-f16'),
    hasTimestamps: device.features.has('timestamp-query'),
    hasMatrixUnits:
      device.features.has('shader-f16') && device.features.has(MATRIX_UNITS) && hasSuitableUnits(adapter.info),
    maxBuffers: device.limits.maxStorageBuffersPerShaderStage,
    pipelineOf({ code }) {
      let pipeline = pipelines.get(code);
      if (pipeline === undefined) {
        pipeline = compile(device, code);
        pipelines.set(code, pipeline);
      }
      return pipeline;
    },
  };
}

/** With validation off nothing else would notice a kernel that does not compile. */
async function compile(device: GPUDevice, code: string): Promise<GPUComputePipeline> {
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const found = [...messages].find(({ type }) => type === 'error');
  if (found !== undefined) throw new Error(`line ${found.lineNum}: ${found.message.split('\n')[0]}`);
  return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
}

interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

function hasSuitableUnits(info: GPUAdapterInfo): boolean {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: readonly MatrixConfig[] };
  return [...subgroupMatrixConfigs].some(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === 'f16' && resultComponentType === 'f32' && [M, N, K].every((size) => size === 16),
  );
}
