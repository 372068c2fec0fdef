/** Shows the last rendering of a renderer on a canvas. */
import { USAGE } from './kernels.ts';
import type { GpuRendering } from './renderer.ts';

const PRESENT_WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<uniform> size: vec4u;
@vertex fn corner(@builtin(vertex_index) k: u32) -> @builtin(position) vec4f {
  return vec4f(f32(k & 1u) * 4.0 - 1.0, f32(k >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}
@fragment fn color(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let p = min(vec2u(at.xy), size.xy - 1u);
  return vec4f(image[p.y * size.x + p.x].rgb, 1.0);
}
`;

export interface Presenter {
  show(rendering: GpuRendering): void;
}

/** @param context  of a canvas as large as the renderings */
export function createPresenter(device: GPUDevice, context: GPUCanvasContext, format: GPUTextureFormat): Presenter {
  context.configure({ device, format, alphaMode: 'opaque' });
  const module = device.createShaderModule({ code: PRESENT_WGSL, label: 'present' });
  const pipeline = device.createRenderPipeline({
    layout: 'auto',
    vertex: { module, entryPoint: 'corner' },
    fragment: { module, entryPoint: 'color', targets: [{ format }] },
  });
  const size = device.createBuffer({ size: 16, usage: USAGE.uniform });
  return {
    show({ image, widthPx, heightPx }) {
      device.queue.writeBuffer(size, 0, Uint32Array.of(widthPx, heightPx, 0, 0));
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: image } },
          { binding: 1, resource: { buffer: size } },
        ],
      });
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginRenderPass({
        colorAttachments: [{ view: context.getCurrentTexture().createView(), loadOp: 'clear', storeOp: 'store' }],
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.draw(3);
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
  };
}
