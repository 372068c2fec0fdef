/** Draws a cloud on a canvas: WGSL where the browser has WebGPU, else the CPU renderer at a quarter of the size. */
import { openGpuDevice } from '../src/gpu/device.ts';
import { createGpuRenderer } from '../src/gpu/renderer.ts';
import { scaledIntrinsics } from '../src/camera.ts';
import { renderCloud } from '../src/splat/render.ts';
import type { GaussianCloud, PinholeCamera } from '../src/types.ts';

export interface View {
  /** Who draws, as the reader should know. */
  readonly engine: string;
  /** Draws as soon as the frame before is done; the newest camera wins. */
  draw(camera: PinholeCamera): void;
  close(): void;
}

const CPU_SHARE = 0.25;

export async function createView(canvas: HTMLCanvasElement, cloud: GaussianCloud): Promise<View> {
  const gpu = await createGpuView(canvas, cloud).catch(() => undefined);
  return gpu ?? createCpuView(canvas, cloud);
}

async function createGpuView(canvas: HTMLCanvasElement, cloud: GaussianCloud): Promise<View | undefined> {
  if (!('gpu' in navigator)) return undefined;
  const { device, adapterName } = await openGpuDevice(navigator.gpu);
  const renderer = await createGpuRenderer(device, cloud);
  const context = canvas.getContext('2d');
  if (!context) return undefined;
  const queue = newestOnly(async (camera) => {
    await renderer.render(camera);
    context.putImageData(new ImageData(await renderer.readPixels(), camera.widthPx, camera.heightPx), 0, 0);
  });
  return {
    engine: `WebGPU, ${adapterName}`,
    draw: queue.push,
    close() {
      queue.stop();
      renderer[Symbol.dispose]();
      device.destroy();
    },
  };
}

function createCpuView(canvas: HTMLCanvasElement, cloud: GaussianCloud): View {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The canvas gives no drawing context.');
  const queue = newestOnly(async (camera) => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const [widthPx, heightPx] = [Math.round(camera.widthPx * CPU_SHARE), Math.round(camera.heightPx * CPU_SHARE)];
    const { rgb } = renderCloud(cloud, { ...camera, ...scaledIntrinsics(camera, widthPx, heightPx) });
    const image = new ImageData(widthPx, heightPx);
    for (let p = 0; p < widthPx * heightPx; p++) {
      for (let k = 0; k < 3; k++) image.data[4 * p + k] = 255 * rgb[3 * p + k];
      image.data[4 * p + 3] = 255;
    }
    const small = new OffscreenCanvas(widthPx, heightPx);
    small.getContext('2d')!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  });
  return { engine: 'the CPU, at a quarter of the size (no WebGPU here)', draw: queue.push, close: queue.stop };
}

/** Runs one task at a time; of those that wait only the newest is kept. */
function newestOnly(work: (camera: PinholeCamera) => Promise<void>): {
  push(camera: PinholeCamera): void;
  stop(): void;
} {
  let waiting: PinholeCamera | undefined;
  let isBusy = false;
  let isStopped = false;
  const next = () => {
    if (isBusy || isStopped || !waiting) return;
    const camera = waiting;
    waiting = undefined;
    isBusy = true;
    void work(camera).finally(() => {
      isBusy = false;
      next();
    });
  };
  return {
    push(camera) {
      waiting = camera;
      next();
    },
    stop: () => void (isStopped = true),
  };
}
