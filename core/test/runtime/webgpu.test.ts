import { it } from 'node:test';
import { availableBackends, openBackend } from '../../src/runtime/index.ts';
import { backendConformance } from './conformance.ts';
import { OP_CASES } from './op-cases.ts';

/** WGSL allows sin and cos this absolute error inside [−π, π] (WebGPU Shading Language, §15.7.4.1). */
const WGSL_TRIGONOMETRY_ERROR = 2 ** -11;
const NO_SUCH_TYPE = 'WGSL has no such type: the op stays on the CPU, which is refused unless allowed';

const reason = (await availableBackends()).find(({ name }) => name === 'webgpu')!.reason;
if (reason === undefined) {
  const half = await halfPrecisionReason();
  backendConformance('webgpu', {
    skips: {
      'cast to bf16 and back': NO_SUCH_TYPE,
      'cast to e4m3 and back': NO_SUCH_TYPE,
      'cast to e5m2 and back': NO_SUCH_TYPE,
      'bf16 across the border': NO_SUCH_TYPE,
      ...(half === undefined ? {} : { 'cast to f16 and back': half, 'f16 across the border': half }),
    },
    tolerances: { sin: WGSL_TRIGONOMETRY_ERROR, cos: WGSL_TRIGONOMETRY_ERROR },
  });
} else it('backend webgpu', { skip: reason }, () => {});

/** f16 is an optional feature of WebGPU devices. */
async function halfPrecisionReason(): Promise<string | undefined> {
  const { graph, feeds } = OP_CASES.find(({ name }) => name === 'f16 across the border')!;
  await using session = await (await openBackend('webgpu')).createSession(graph, {});
  return session.run(feeds).then(
    () => undefined,
    (error: Error) => (/does not support it/.test(error.message) ? 'this device has no f16' : undefined),
  );
}
