import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlNetLayers } from '../src/models/control-net.ts';
import { DIT_XL_2, ditLayers } from '../src/models/dit.ts';
import { CLIP_L, OPEN_CLIP_H, textEncoderLayers, vaeEncoderLayers } from '../src/models/encoders.ts';
import type { GraphLayer } from '../src/models/graph-layer.ts';
import { presetModel, PRESET_NAMES } from '../src/models/presets.ts';
import { SD15_UNET, SD21_UNET, unetLayers } from '../src/models/unet.ts';
import { cutBytes } from '../src/cuts.ts';

const params = (layers: readonly GraphLayer[]): number => layers.reduce((sum, { numParams }) => sum + numParams, 0);
const gflops = (layers: readonly GraphLayer[]): number => layers.reduce((sum, { flops }) => sum + flops, 0) / 1e9;

test('layer graphs have exactly the published numbers of parameters', () => {
  assert.equal(params(unetLayers(SD21_UNET).layers), 865_910_724);
  assert.equal(params(unetLayers(SD15_UNET).layers), 859_520_964);
  assert.equal(params(controlNetLayers(SD15_UNET)), 361_279_120);
  assert.equal(params(vaeEncoderLayers({ size: 512 })), 34_163_664);
  assert.equal(params(textEncoderLayers(CLIP_L)), 123_060_480);
  assert.equal(params(textEncoderLayers(OPEN_CLIP_H)), 340_387_840);
});

test('FLOPs agree with hand arithmetic of products and convolutions within the share of elementwise work', () => {
  const near = (value: number, hand: number): void =>
    assert.ok(value >= hand * 0.995 && value < hand * 1.04, `${value} and ${hand}`);
  near(gflops(unetLayers(SD21_UNET).layers), 804);
  near(gflops(vaeEncoderLayers({ size: 512 })), 1116.7);
  near(gflops(textEncoderLayers(OPEN_CLIP_H)), 45.1);
  near(gflops(textEncoderLayers(CLIP_L)), 13.3);
  assert.ok(params(ditLayers(DIT_XL_2)) > 670e6 && params(ditLayers(DIT_XL_2)) < 680e6);
});

test('every cut of the U-Net carries its live skips', () => {
  const [backbone] = presetModel('sd21').backbones;
  const hand = [
    2.62, 5.24, 7.86, 8.52, 9.83, 11.14, 11.47, 12.12, 12.78, 12.94, 13.11, 13.27, 13.43, 13.27, 13.11, 12.94, 13.43,
    12.78, 12.12, 11.8, 13.76, 11.14, 9.83, 9.18, 13.11, 7.86, 5.24, 2.62,
  ];
  const megabytes = hand.map((_, layer) => Number((cutBytes(backbone!, layer + 1).forward / 1e6).toFixed(2)));
  assert.deepEqual(megabytes, hand);
});

test('every preset builds, with backward times exactly where gradients pass', () => {
  for (const name of PRESET_NAMES) {
    const model = presetModel(name);
    for (const { layers } of model.backbones) for (const layer of layers) assert.ok(layer.backward, layer.name);
    for (const { layers } of model.frozen) for (const layer of layers) assert.equal(layer.kind, 'frozen');
  }
});
