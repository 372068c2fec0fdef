/** WGSL of the image loss (1 − λ) L1 + λ (1 − SSIM) and of its gradient: windows of 11 × 11 by two passes in workgroup memory, a tile of
 *  16 × 16 pixels with a border of 5. The colours compared are those of the rendering after the frame's colour matrix. */
import { BETA1, BETA2, EPSILON } from '../train/adam.ts';
import { SSIM_C1, SSIM_C2, SSIM_RADIUS, SSIM_WINDOW } from '../train/ssim.ts';
import { TILE_PX } from './common-wgsl.ts';
import { IS_HALTED_WGSL, RECORD_HEAD, STEP_WGSL } from './step-wgsl.ts';

const LANES = TILE_PX * TILE_PX;
const TAPS = 2 * SSIM_RADIUS + 1;
const SIDE = TILE_PX + 2 * SSIM_RADIUS;
const CELLS = SIDE * SIDE;
const STRIPS = SIDE * TILE_PX;
/** Values of a colour matrix. */
export const MATRIX_STRIDE = 12;

/** truth: four 16-bit parts a pixel, r g b and 1 = counts. */
const PIXELS_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> image: array<vec4f>;
@group(0) @binding(3) var<storage, read> truth: array<vec2u>;
@group(0) @binding(4) var<storage, read> matrices: array<vec4f>;
const taps = array<f32, ${TAPS}>(${[...SSIM_WINDOW].join(', ')});
struct Pixel { shown: vec3f, truth: vec3f, isOpen: bool }
fn pixelAt(p: u32) -> Pixel {
  let color = vec4f(image[p].rgb, 1.0);
  let row = 3u * step.info.y;
  let rg = unpack2x16unorm(truth[p].x);
  let bm = unpack2x16unorm(truth[p].y);
  return Pixel(
    vec3f(dot(matrices[row], color), dot(matrices[row + 1u], color), dot(matrices[row + 2u], color)),
    vec3f(rg, bm.x), bm.y > 0.5);
}
// Rendering and photograph as SSIM sees them: a masked pixel shows the rendering twice, or black in the released loss.
fn comparedAt(p: u32, c: u32) -> vec2f {
  let pixel = pixelAt(p);
  if (pixel.isOpen) { return vec2f(pixel.shown[c], pixel.truth[c]); }
  return vec2f(select(pixel.shown[c], 0.0, step.loss.w > 0.5));
}
`;

/** Map of SSIM, its derivatives by μ₁, E[x²] and E[xy] times the gradient by the map, and sums of |d| and of the map a tile. */
export const SSIM_WGSL = /* wgsl */ `
${PIXELS_WGSL}
@group(0) @binding(5) var<storage, read_write> byMean: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> bySquare: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> byProduct: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> tileSums: array<vec2f>;
var<workgroup> cells: array<vec2f, ${CELLS}>;
var<workgroup> strips: array<vec4f, ${STRIPS}>;
var<workgroup> products: array<f32, ${STRIPS}>;
var<workgroup> sums: array<vec2f, ${LANES}>;
@compute @workgroup_size(${TILE_PX}, ${TILE_PX}) fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = frame.size.xy;
  let corner = vec2i(tile.xy * ${TILE_PX}u) - ${SSIM_RADIUS};
  let at = tile.xy * ${TILE_PX}u + local.xy;
  let isInside = all(at < size);
  let p = at.y * size.x + at.x;
  var isOpen = false;
  var sum = vec2f(0.0);
  if (isInside) {
    let pixel = pixelAt(p);
    isOpen = pixel.isOpen;
    if (isOpen) { sum.x = dot(abs(pixel.shown - pixel.truth), vec3f(1.0)); }
  }
  let isCounted = isInside && (isOpen || step.loss.w > 0.5);
  let gradient = select(0.0, step.loss.z, isCounted);
  var mean = vec3f(0.0);
  var square = vec3f(0.0);
  var cross = vec3f(0.0);
  for (var c = 0u; c < 3u; c++) {
    workgroupBarrier();
    for (var k = lane; k < ${CELLS}u; k += ${LANES}u) {
      let cell = corner + vec2i(i32(k % ${SIDE}u), i32(k / ${SIDE}u));
      var value = vec2f(0.0);
      if (all(cell >= vec2i(0)) && all(cell < vec2i(size))) { value = comparedAt(u32(cell.y) * size.x + u32(cell.x), c); }
      cells[k] = value;
    }
    workgroupBarrier();
    for (var k = lane; k < ${STRIPS}u; k += ${LANES}u) {
      let first = (k / ${TILE_PX}u) * ${SIDE}u + k % ${TILE_PX}u;
      var strip = vec4f(0.0);
      var product = 0.0;
      for (var t = 0u; t < ${TAPS}u; t++) {
        let v = cells[first + t];
        let w = taps[t] * v;
        strip += vec4f(w, w * v);
        product += w.x * v.y;
      }
      strips[k] = strip;
      products[k] = product;
    }
    workgroupBarrier();
    var m = vec4f(0.0);
    var xy = 0.0;
    for (var t = 0u; t < ${TAPS}u; t++) {
      let k = (local.y + t) * ${TILE_PX}u + local.x;
      m += taps[t] * strips[k];
      xy += taps[t] * products[k];
    }
    let a1 = 2.0 * m.x * m.y + ${SSIM_C1};
    let a2 = 2.0 * (xy - m.x * m.y) + ${SSIM_C2};
    let b1 = m.x * m.x + m.y * m.y + ${SSIM_C1};
    let b2 = m.z - m.x * m.x + m.w - m.y * m.y + ${SSIM_C2};
    let s = a1 * a2 / (b1 * b2);
    if (isCounted) { sum.y += s; }
    mean[c] = gradient * (2.0 * m.y * (a2 - a1) / (b1 * b2) - 2.0 * m.x * s / b1 + 2.0 * m.x * s / b2);
    square[c] = -gradient * s / b2;
    cross[c] = 2.0 * gradient * a1 / (b1 * b2);
  }
  if (isInside) {
    byMean[p] = vec4f(mean, 0.0);
    bySquare[p] = vec4f(square, 0.0);
    byProduct[p] = vec4f(cross, 0.0);
  }
  sums[lane] = sum;
  for (var half = ${LANES / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { tileSums[tile.y * frame.size.z + tile.x] = sums[0]; }
}
`;

/** Gradient of the loss by the colours after the matrix: dL/dx = w * byMean + 2 x (w * bySquare) + y (w * byProduct), and the sign of L1. */
export const SSIM_GRADIENT_WGSL = /* wgsl */ `
${PIXELS_WGSL}
@group(0) @binding(5) var<storage, read> byMean: array<vec4f>;
@group(0) @binding(6) var<storage, read> bySquare: array<vec4f>;
@group(0) @binding(7) var<storage, read> byProduct: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> imageGradient: array<vec4f>;
var<workgroup> c0: array<f32, ${CELLS}>;
var<workgroup> c1: array<f32, ${CELLS}>;
var<workgroup> c2: array<f32, ${CELLS}>;
var<workgroup> s0: array<f32, ${STRIPS}>;
var<workgroup> s1: array<f32, ${STRIPS}>;
var<workgroup> s2: array<f32, ${STRIPS}>;
@compute @workgroup_size(${TILE_PX}, ${TILE_PX}) fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = frame.size.xy;
  let corner = vec2i(tile.xy * ${TILE_PX}u) - ${SSIM_RADIUS};
  let at = tile.xy * ${TILE_PX}u + local.xy;
  let isInside = all(at < size);
  let p = at.y * size.x + at.x;
  var own: Pixel;
  if (isInside) { own = pixelAt(p); }
  var gradient = step.loss.y * sign(own.shown - own.truth);
  for (var c = 0u; c < 3u; c++) {
    workgroupBarrier();
    for (var k = lane; k < ${CELLS}u; k += ${LANES}u) {
      let cell = corner + vec2i(i32(k % ${SIDE}u), i32(k / ${SIDE}u));
      var value = vec3f(0.0);
      if (all(cell >= vec2i(0)) && all(cell < vec2i(size))) {
        let q = u32(cell.y) * size.x + u32(cell.x);
        value = vec3f(byMean[q][c], bySquare[q][c], byProduct[q][c]);
      }
      c0[k] = value.x; c1[k] = value.y; c2[k] = value.z;
    }
    workgroupBarrier();
    for (var k = lane; k < ${STRIPS}u; k += ${LANES}u) {
      let first = (k / ${TILE_PX}u) * ${SIDE}u + k % ${TILE_PX}u;
      var strip = vec3f(0.0);
      for (var t = 0u; t < ${TAPS}u; t++) { strip += taps[t] * vec3f(c0[first + t], c1[first + t], c2[first + t]); }
      s0[k] = strip.x; s1[k] = strip.y; s2[k] = strip.z;
    }
    workgroupBarrier();
    var blurred = vec3f(0.0);
    for (var t = 0u; t < ${TAPS}u; t++) {
      let k = (local.y + t) * ${TILE_PX}u + local.x;
      blurred += taps[t] * vec3f(s0[k], s1[k], s2[k]);
    }
    gradient[c] += blurred.x + 2.0 * own.shown[c] * blurred.y + own.truth[c] * blurred.z;
  }
  if (isInside) { imageGradient[p] = vec4f(select(vec3f(0.0), gradient, own.isOpen), 0.0); }
}
`;

/** The loss of the step, from the sums of tiles in their order. */
export const LOSS_SUM_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> tileSums: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> records: array<u32>;
var<workgroup> sums: array<vec2f, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f(0.0);
  for (var k = lane; k < frame.size.z * frame.size.w; k += ${LANES}u) { sum += tileSums[k]; }
  sums[lane] = sum;
  for (var half = ${LANES / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane != 0u) { return; }
  var loss = 0.0;
  if (step.norm.x > 0.0) {
    loss = (1.0 - step.loss.x) * sums[0].x / step.norm.x + step.loss.x * (1.0 - step.norm.z * sums[0].y / step.norm.y);
  }
  records[${RECORD_HEAD}u + step.info.z] = bitcast<u32>(loss);
}
`;

/** Gradient by the colours before the matrix, and sums of the matrix's gradient a tile. */
export const MATRIX_GRADIENT_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> image: array<vec4f>;
@group(0) @binding(3) var<storage, read> matrices: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> imageGradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> matrixSums: array<vec4f>;
var<workgroup> s0: array<vec4f, ${LANES}>;
var<workgroup> s1: array<vec4f, ${LANES}>;
var<workgroup> s2: array<vec4f, ${LANES}>;
@compute @workgroup_size(${TILE_PX}, ${TILE_PX}) fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = tile.xy * ${TILE_PX}u + local.xy;
  var g = vec3f(0.0);
  var color = vec4f(0.0);
  if (all(at < frame.size.xy)) {
    let p = at.y * frame.size.x + at.x;
    let row = 3u * step.info.y;
    g = imageGradient[p].rgb;
    color = vec4f(image[p].rgb, 1.0);
    imageGradient[p] = vec4f(g.x * matrices[row].xyz + g.y * matrices[row + 1u].xyz + g.z * matrices[row + 2u].xyz, 0.0);
  }
  s0[lane] = g.x * color; s1[lane] = g.y * color; s2[lane] = g.z * color;
  for (var half = ${LANES / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { s0[lane] += s0[lane + half]; s1[lane] += s1[lane + half]; s2[lane] += s2[lane + half]; }
  }
  if (lane == 0u) {
    let out = 3u * (tile.y * frame.size.z + tile.x);
    matrixSums[out] = s0[0]; matrixSums[out + 1u] = s1[0]; matrixSums[out + 2u] = s2[0];
  }
}
`;

/** Adam on the matrix of the frame. matrixMoments: first and second moment a value. */
export const MATRIX_STEP_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> matrixSums: array<f32>;
@group(0) @binding(3) var<storage, read_write> matrices: array<f32>;
@group(0) @binding(4) var<storage, read_write> matrixMoments: array<vec2f>;
@group(0) @binding(5) var<storage, read> records: array<u32>;
${IS_HALTED_WGSL}
@compute @workgroup_size(${MATRIX_STRIDE}) fn main(@builtin(local_invocation_index) lane: u32) {
  if (isHalted()) { return; }
  var g = 0.0;
  for (var k = 0u; k < frame.size.z * frame.size.w; k++) { g += matrixSums[k * ${MATRIX_STRIDE}u + lane]; }
  let at = step.info.y * ${MATRIX_STRIDE}u + lane;
  let m = ${BETA1} * matrixMoments[at].x + ${1 - BETA1} * g;
  let v = ${BETA2} * matrixMoments[at].y + ${1 - BETA2} * g * g;
  matrixMoments[at] = vec2f(m, v);
  matrices[at] -= step.exposure.x * m / (sqrt(v) / step.exposure.y + ${EPSILON});
}
`;
