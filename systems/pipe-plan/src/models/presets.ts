/** Ready models: layer lists with times derived from FLOPs and an assumed device speed.
 *
 *  t(n) = launch + n · FLOPs / speed; backward of trainable layers 2×, of gradThrough layers 1× the forward FLOPs.
 *  The speed is an assumption of the plan, named in `origin`; measured profiles replace it. */
import type {
  Architecture,
  Backbone,
  DiffusionModel,
  FrozenComponent,
  LayerProfile,
  Skip,
  TimeTable,
} from '../types.ts';
import { controlNetLayers } from './control-net.ts';
import { DIT_XL_2, ditLayers } from './dit.ts';
import { CLIP_L, OPEN_CLIP_H, SD_VAE_CHANNELS, textEncoderLayers, vaeEncoderLayers } from './encoders.ts';
import type { GraphLayer } from './graph-layer.ts';
import { SD15_UNET, SD21_UNET, unetLayers, type UnetShape } from './unet.ts';

export interface DeviceSpeed {
  readonly name: string;
  /** Sustained, not peak. */
  readonly flopsPerSec: number;
  /** Per layer and direction. */
  readonly launchMs: number;
}

/** 312 TFLOP/s bf16 peak at an assumed 40 %. */
export const A100: DeviceSpeed = { name: 'A100 at an assumed 125 TFLOP/s', flopsPerSec: 125e12, launchMs: 0.15 };

const IMAGE_SIZE = 512;
const SIZES = [1, 2, 4, 8, 16, 32, 64, 96, 128];
const WEIGHT_BYTES = 2;
/** Text layers are short and alike: five together, so that filling has few choices to look at. */
const TEXT_LAYERS_TOGETHER = 5;

export const PRESET_NAMES = ['sd21', 'sd15', 'controlnet', 'dit-xl', 'cascaded', 'sd-mini'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

export function presetModel(name: PresetName, speed: DeviceSpeed = A100): DiffusionModel {
  return { ...PRESETS[name](speed), origin: `FLOPs of the layer graphs on ${speed.name}` };
}

type Preset = Omit<DiffusionModel, 'origin'>;

const PRESETS: Readonly<Record<PresetName, (speed: DeviceSpeed) => Preset>> = {
  sd21: (speed) =>
    latentDiffusion('Stable Diffusion 2.1', speed, {
      unet: SD21_UNET,
      vae: { id: 'VAE encoder', size: IMAGE_SIZE, channels: SD_VAE_CHANNELS },
      text: { id: 'OpenCLIP-H', ...OPEN_CLIP_H, layersTogether: TEXT_LAYERS_TOGETHER },
    }),
  sd15: (speed) =>
    latentDiffusion('Stable Diffusion 1.5', speed, {
      unet: SD15_UNET,
      vae: { id: 'VAE encoder', size: IMAGE_SIZE, channels: SD_VAE_CHANNELS },
      text: { id: 'CLIP-L', ...CLIP_L, layersTogether: TEXT_LAYERS_TOGETHER },
    }),
  // Small enough to train on CPU processes; for checks of runners.
  'sd-mini': (speed) =>
    latentDiffusion('Mini latent diffusion', speed, {
      unet: {
        ...SD21_UNET,
        size: 16,
        channels: [32, 64],
        blocksPerLevel: 1,
        hasAttention: [true, true],
        heads: [2, 4],
        text: { width: 32, tokens: 8 },
      },
      vae: { id: 'VAE encoder', size: 64, channels: [32, 32, 64] },
      text: { id: 'text', width: 32, layers: 2, heads: 2, vocabulary: 100, tokens: 8, layersTogether: 2 },
    }),
  controlnet: (speed) => {
    const copy = controlNetLayers(SD15_UNET);
    const whole = unetLayers(SD15_UNET);
    const locked = whole.layers.slice(0, copy.length);
    const decoder = whole.layers.slice(copy.length).map((layer): GraphLayer => ({ ...layer, kind: 'gradThrough' }));
    return {
      name: 'ControlNet on Stable Diffusion 1.5',
      backbones: [
        {
          name: 'ControlNet + locked way up',
          layers: [...copy, ...decoder].map((layer) => profileOf(layer, speed)),
          skips: whole.skips,
        },
      ],
      frozen: [
        vae(speed, { id: 'VAE encoder', size: IMAGE_SIZE, channels: SD_VAE_CHANNELS }),
        text(speed, { id: 'CLIP-L', ...CLIP_L, layersTogether: TEXT_LAYERS_TOGETHER }, [...copy, ...decoder]),
        {
          id: 'locked way down',
          layers: locked.map((layer) => profileOf({ ...layer, kind: 'frozen' }, speed)),
          preds: ['VAE encoder', 'CLIP-L'],
          consumers: [
            { layer: copy.length, bytesPerSample: locked.at(-1)!.outputBytesPerSample, tensor: 'middle' },
            ...whole.skips.map(({ from, to, bytesPerSample }) => ({
              layer: to,
              bytesPerSample,
              tensor: `skip ${from}`,
            })),
          ],
        },
      ],
    };
  },
  'dit-xl': (speed) => ({
    name: 'DiT-XL/2 at 256 pixels',
    backbones: [{ name: 'DiT', layers: ditLayers(DIT_XL_2).map((layer) => profileOf(layer, speed)), skips: [] }],
    frozen: [vae(speed, { id: 'VAE encoder', size: 256, channels: SD_VAE_CHANNELS })],
  }),
  cascaded: (speed) => ({
    name: 'Two cascaded pixel U-Nets (64 and 128 pixels, own sizes)',
    backbones: [unetBackbone('base 64', CASCADE_BASE, speed), unetBackbone('upscaler 128', CASCADE_UPSCALER, speed)],
    frozen: [
      text(
        speed,
        { id: 'OpenCLIP-H', ...OPEN_CLIP_H, layersTogether: TEXT_LAYERS_TOGETHER },
        unetLayers(CASCADE_BASE).layers,
      ),
    ],
  }),
};

const CASCADE_BASE: UnetShape = {
  inChannels: 3,
  outChannels: 3,
  size: 64,
  channels: [256, 512, 768, 1024],
  blocksPerLevel: 2,
  hasAttention: [false, true, true, true],
  heads: [4, 8, 12, 16],
  text: { width: 1024, tokens: 77 },
};

const CASCADE_UPSCALER: UnetShape = {
  ...CASCADE_BASE,
  inChannels: 6,
  size: 128,
  channels: [128, 256, 512, 1024],
  hasAttention: [false, false, false, true],
  heads: [2, 4, 8, 16],
};

function unetBackbone(name: string, shape: UnetShape, speed: DeviceSpeed): Backbone {
  const { layers, skips } = unetLayers(shape);
  return { name, layers: layers.map((layer) => profileOf(layer, speed)), skips: skips as Skip[] };
}

function latentDiffusion(name: string, speed: DeviceSpeed, architecture: Architecture): Preset {
  return {
    name,
    backbones: [unetBackbone('U-Net', architecture.unet, speed)],
    frozen: [vae(speed, architecture.vae), text(speed, architecture.text, unetLayers(architecture.unet).layers)],
    architecture,
  };
}

function vae(speed: DeviceSpeed, { id, ...shape }: Architecture['vae']): FrozenComponent {
  return { id, layers: vaeEncoderLayers(shape).map((layer) => profileOf(layer, speed)), preds: [] };
}

function text(
  speed: DeviceSpeed,
  { id, layersTogether, ...shape }: Architecture['text'],
  readers: readonly GraphLayer[],
): FrozenComponent {
  const layers = textEncoderLayers(shape);
  const merged: GraphLayer[] = [];
  for (let first = 0; first < layers.length; first += layersTogether)
    merged.push(layers.slice(first, first + layersTogether).reduce(joinLayers));
  const bytesPerSample = layers.at(-1)!.outputBytesPerSample;
  return {
    id,
    layers: merged.map((layer) => profileOf(layer, speed)),
    preds: [],
    consumers: readers.flatMap(({ inputs }, layer) =>
      inputs.includes('text') ? [{ layer, bytesPerSample, tensor: 'text' }] : [],
    ),
  };
}

function joinLayers(first: GraphLayer, second: GraphLayer): GraphLayer {
  return {
    ...second,
    name: `${first.name.split('…')[0]}…${second.name}`,
    numParams: first.numParams + second.numParams,
    flops: first.flops + second.flops,
    activationBytesPerSample: first.activationBytesPerSample + second.activationBytesPerSample,
  };
}

function profileOf(layer: GraphLayer, { flopsPerSec, launchMs }: DeviceSpeed): LayerProfile {
  const table = (passes: number): TimeTable => ({
    sizes: SIZES,
    timesMs: SIZES.map((size) => launchMs + (1000 * passes * size * layer.flops) / flopsPerSec),
  });
  const isTrainable = layer.kind === 'trainable';
  return {
    name: layer.name,
    kind: layer.kind,
    forward: table(1),
    ...(layer.kind === 'frozen' ? {} : { backward: table(isTrainable ? 2 : 1) }),
    paramBytes: WEIGHT_BYTES * layer.numParams,
    gradBytes: isTrainable ? WEIGHT_BYTES * layer.numParams : 0,
    activationBytesPerSample: layer.activationBytesPerSample,
    outputBytesPerSample: layer.outputBytesPerSample,
    flops: layer.flops,
  };
}
