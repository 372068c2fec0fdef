/** WGSL of the backward pass: gradients of pairs by tiles, their sums, and the chain back to the parameters. No float atomics: every
 *  pair has its own slot and pairs of one Gaussian lie together, so that sums have a fixed order and runs repeat to the bit. */
import {
  bandWgsl,
  GEOM_STRIDE,
  GEOMETRY_WGSL,
  PAIR_STRIDE,
  PROJ_STRIDE,
  ROW_THREADS,
  TILE_PX,
  UNIFORM_WGSL,
} from './common-wgsl.ts';

const LANES = (TILE_PX / 2) ** 2;

/** How the eleven sums over the pixels of a tile are made: which pairs a batch holds, and what happens to a pair's parts. */
interface Summing {
  readonly enable: string;
  readonly builtins: string;
  readonly batch: number;
  readonly storage: string;
  readonly setUp: string;
  /** True for threads that may leave a pair out after α is known. */
  readonly isIdle: string;
  /** ga, gb, gc of pair j of the batch */
  readonly add: string;
  readonly leaveOut: string;
  readonly finish: string;
}

/** By halving in workgroup memory, pair by pair. */
const HALVING: Summing = {
  enable: '',
  builtins: '',
  batch: LANES,
  storage: /* wgsl */ `
var<workgroup> sumA: array<vec4f, ${LANES}>;
var<workgroup> sumB: array<vec4f, ${LANES}>;
var<workgroup> sumC: array<vec4f, ${LANES}>;`,
  setUp: '',
  isIdle: 'false',
  add: /* wgsl */ `
      sumA[lane] = ga; sumB[lane] = gb; sumC[lane] = gc;
      for (var half = ${LANES / 2}u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (lane < half) { sumA[lane] += sumA[lane + half]; sumB[lane] += sumB[lane + half]; sumC[lane] += sumC[lane + half]; }
      }
      workgroupBarrier();
      if (lane < ${PAIR_STRIDE}u) {
        let k = lane & 3u;
        pairGradient[slots[j] * ${PAIR_STRIDE}u + lane] = select(select(sumC[0][k], sumB[0][k], lane < 8u), sumA[0][k], lane < 4u);
      }
      workgroupBarrier();`,
  leaveOut: '',
  finish: '',
};

/** At least four lanes a subgroup. */
const MAX_SUBGROUPS = LANES / 4;
const SUBGROUP_BATCH = 16;

/** By subgroups, which meet once a batch in workgroup memory, in the order of their first lanes; a subgroup whose pixels a pair does not
 *  reach sums nothing. */
const SUBGROUPS: Summing = {
  enable: 'enable subgroups;\ndiagnostic(off, subgroup_uniformity);',
  builtins: ', @builtin(subgroup_invocation_id) member: u32',
  batch: SUBGROUP_BATCH,
  storage: /* wgsl */ `
var<workgroup> isFirst: array<u32, ${LANES}>;
var<workgroup> parts: array<f32, ${SUBGROUP_BATCH * MAX_SUBGROUPS * PAIR_STRIDE}>;`,
  setUp: /* wgsl */ `
  isFirst[lane] = select(0u, 1u, member == 0u);
  workgroupBarrier();
  var rank = 0u;
  var numSubgroups = 0u;
  for (var k = 0u; k < ${LANES}u; k++) { numSubgroups += isFirst[k]; rank += select(0u, isFirst[k], k < lane); }`,
  isIdle: '!subgroupAny(any(isSeen))',
  add: /* wgsl */ `
      let ta = subgroupAdd(ga); let tb = subgroupAdd(gb); let tc = subgroupAdd(gc.xyz);
      if (member == 0u) {
        let at = (j * ${MAX_SUBGROUPS}u + rank) * ${PAIR_STRIDE}u;
        for (var k = 0u; k < 4u; k++) { parts[at + k] = ta[k]; parts[at + 4u + k] = tb[k]; }
        for (var k = 0u; k < 3u; k++) { parts[at + 8u + k] = tc[k]; }
      }`,
  leaveOut: /* wgsl */ `
        if (member == 0u) {
          let at = (j * ${MAX_SUBGROUPS}u + rank) * ${PAIR_STRIDE}u;
          for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { parts[at + k] = 0.0; }
        }`,
  finish: /* wgsl */ `
    workgroupBarrier();
    for (var k = lane; k < size * ${PAIR_STRIDE}u; k += ${LANES}u) {
      let j = k / ${PAIR_STRIDE}u;
      let value = k % ${PAIR_STRIDE}u;
      var total = 0.0;
      for (var r = 0u; r < numSubgroups; r++) { total += parts[(j * ${MAX_SUBGROUPS}u + r) * ${PAIR_STRIDE}u + value]; }
      pairGradient[slots[j] * ${PAIR_STRIDE}u + value] = total;
    }`,
};

/** Walks the list of a tile of the band far to near, four pixels a thread. imageGradient: v_C and v_A a pixel. */
export function compositeGradientWgsl(hasSubgroups: boolean): string {
  const { enable, builtins, batch, storage, setUp, isIdle, add, leaveOut, finish } = hasSubgroups ? SUBGROUPS : HALVING;
  return /* wgsl */ `
${enable}
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> proj: array<f32>;
@group(0) @binding(2) var<storage, read> pairs: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(5) var<storage, read> image: array<vec4f>;
@group(0) @binding(6) var<storage, read> lasts: array<u32>;
@group(0) @binding(7) var<storage, read> imageGradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> pairGradient: array<f32>;
${bandWgsl(9)}
var<workgroup> range: vec2u;
var<workgroup> most: atomic<u32>;
var<workgroup> mostPlain: u32;
var<workgroup> s0: array<vec4f, ${batch}>;
var<workgroup> s1: array<vec4f, ${batch}>;
var<workgroup> s2: array<f32, ${batch}>;
var<workgroup> slots: array<u32, ${batch}>;
${storage}
@compute @workgroup_size(${TILE_PX / 2}, ${TILE_PX / 2}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32${builtins}) {
  let tile = vec2u(group.x, group.y + band.x);
  let corner = tile * ${TILE_PX}u + 2u * local.xy;
  let px = f32(corner.x) + vec4f(0.5, 1.5, 0.5, 1.5);
  let py = f32(corner.y) + vec4f(0.5, 0.5, 1.5, 1.5);
  if (lane == 0u) { range = ranges[tile.y * frame.size.z + tile.x]; atomicStore(&most, 0u); }
  workgroupBarrier();
  var T = vec4f(1.0);
  var behind = vec4f(0.0);
  var last = vec4u(0u);
  var vR = vec4f(0.0);
  var vG = vec4f(0.0);
  var vB = vec4f(0.0);
  var tail = vec4f(0.0);
  for (var k = 0u; k < 4u; k++) {
    let pixel = corner + vec2u(k & 1u, k >> 1u);
    if (pixel.x >= frame.size.x || pixel.y >= frame.size.y) { continue; }
    let p = pixel.y * frame.size.x + pixel.x;
    let v = imageGradient[p];
    T[k] = image[p].w;
    last[k] = lasts[p];
    vR[k] = v.r; vG[k] = v.g; vB[k] = v.b;
    tail[k] = (v.a - dot(v.rgb, frame.background.rgb)) * T[k];
  }
  atomicMax(&most, max(max(last.x, last.y), max(last.z, last.w)));
  workgroupBarrier();
  if (lane == 0u) { mostPlain = atomicLoad(&most); }
  let end = workgroupUniformLoad(&mostPlain);
  let bounds = workgroupUniformLoad(&range);
  // Pairs behind the last that any pixel drew.
  for (var position = max(end, bounds.x) + lane; position < bounds.y; position += ${LANES}u) {
    let out = pairs[position] * ${PAIR_STRIDE}u;
    for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { pairGradient[out + k] = 0.0; }
  }
  ${setUp}
  for (var stop = end; stop > bounds.x; stop -= min(stop - bounds.x, ${batch}u)) {
    // Positions stop, stop - 1, … of this batch.
    let size = min(stop - bounds.x, ${batch}u);
    workgroupBarrier();
    if (lane < size) {
      let pair = pairs[stop - 1u - lane];
      let at = owners[pair] * ${PROJ_STRIDE}u;
      slots[lane] = pair;
      s0[lane] = vec4f(proj[at], proj[at + 1u], proj[at + 2u], proj[at + 3u]);
      s1[lane] = vec4f(proj[at + 4u], proj[at + 5u], proj[at + 6u], proj[at + 7u]);
      s2[lane] = proj[at + 8u];
    }
    workgroupBarrier();
    for (var j = 0u; j < size; j++) {
      let dx = s0[j].x - px;
      let dy = s0[j].y - py;
      let a = s0[j].z; let b = s0[j].w; let c = s1[j].x; let opacity = s1[j].y;
      let sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy;
      let fall = exp(-max(sigma, vec4f(0.0)));
      let unclamped = opacity * fall;
      let isSeen = (vec4u(stop - j) <= last) & (sigma >= vec4f(0.0)) & (min(unclamped, vec4f(frame.options.z)) >= vec4f(minAlpha));
      if (${isIdle}) {${leaveOut}
        continue;
      }
      let alpha = select(vec4f(0.0), min(unclamped, vec4f(frame.options.z)), isSeen);
      let open = 1.0 / (1.0 - alpha);
      T *= open;
      let weight = alpha * T;
      let shade = s1[j].z * vR + s1[j].w * vG + s2[j] * vB;
      let isFree = isSeen & (unclamped <= vec4f(frame.options.z));
      let vAlpha = select(vec4f(0.0), shade * T + (tail - behind) * open, isFree);
      behind += shade * weight;
      let g = -unclamped * vAlpha;
      let gu = g * (a * dx + b * dy);
      let gv = g * (b * dx + c * dy);
      let one = vec4f(1.0);
      let ga = vec4f(dot(gu, one), dot(gv, one), dot(abs(gu), one), dot(abs(gv), one));
      let gb = vec4f(0.5 * dot(g * dx, dx), dot(g * dx, dy), 0.5 * dot(g * dy, dy), dot(fall, vAlpha));
      let gc = vec4f(dot(weight, vR), dot(weight, vG), dot(weight, vB), 0.0);
${add}
    }
${finish}
  }
}
`;
}

/** Adds the pairs of a band to the sums of every Gaussian. Bands from the first on sum in the order in which the whole image would. */
export const SUM_PAIRS_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> pairGradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;
${bandWgsl(5)}
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let r = rowIndex(gid, groups);
  if (r >= frame.counts.x) { return; }
  let at = ids[r] * ${PAIR_STRIDE}u;
  var sum: array<f32, ${PAIR_STRIDE}>;
  if (band.z > 0u) { for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { sum[k] = sums[at + k]; } }
  let end = min(offsets[r + 1u], frame.counts.w);
  for (var e = offsets[r]; e < end; e++) {
    for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { sum[k] += pairGradient[e * ${PAIR_STRIDE}u + k]; }
  }
  for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { sums[at + k] = sum[k]; }
}
`;

/** The sums of the eleven gradients of Gaussian i: over its pairs where one band holds them all, else from SUM_PAIRS_WGSL. */
const SUMS_WGSL = {
  pairs: {
    bindings: ['read> tileCounts: array<u32>', 'read> firstPairs: array<u32>', 'read> pairGradient: array<f32>'],
    take: /* wgsl */ `
  let first = firstPairs[i];
  for (var e = first; e < first + tileCounts[i]; e++) {
    for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { sum[k] += pairGradient[e * ${PAIR_STRIDE}u + k]; }
  }`,
  },
  bands: {
    bindings: ['read> sums: array<f32>'],
    take: `for (var k = 0u; k < ${PAIR_STRIDE}u; k++) { sum[k] = sums[i * ${PAIR_STRIDE}u + k]; }`,
  },
};

/** Sums the pairs of every Gaussian and carries them back to its parameters. Leaves both growth statistics (the norm of the positional
 *  gradient in normalised device units, and of its absolute sums) in the projected row.
 *  @param hasHarmonics  writes the gradient by the harmonics; else that by the colour takes the colour's place in the projected row, and
 *  Adam multiplies it with the basis itself */
export function projectGradientWgsl(hasHarmonics: boolean, source: keyof typeof SUMS_WGSL): string {
  const { bindings, take } = SUMS_WGSL[source];
  const others = [
    ...bindings,
    'read_write> geomGradient: array<f32>',
    ...(hasHarmonics ? ['read_write> shGradient: array<f32>'] : []),
  ];
  return /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> geom: array<f32>;
@group(0) @binding(2) var<storage, read> sh: array<f32>;
@group(0) @binding(3) var<storage, read_write> proj: array<f32>;
${others.map((storage, k) => `@group(0) @binding(${4 + k}) var<storage, ${storage};`).join('\n')}
${GEOMETRY_WGSL}
fn directionGradient(d: vec3f, w: array<f32, 16>) -> vec3f {
  let x = d.x; let y = d.y; let z = d.z;
  let xx = x * x; let yy = y * y; let zz = z * z;
  let C1 = 0.4886025119029199;
  var g = vec3f(-C1 * w[3], -C1 * w[1], C1 * w[2]);
  if (frame.counts.y > 4u) {
    g.x += 1.0925484305920792 * w[4] * y - 2.0 * 0.31539156525252005 * w[6] * x - 1.0925484305920792 * w[7] * z + 2.0 * 0.5462742152960396 * w[8] * x;
    g.y += 1.0925484305920792 * w[4] * x - 1.0925484305920792 * w[5] * z - 2.0 * 0.31539156525252005 * w[6] * y - 2.0 * 0.5462742152960396 * w[8] * y;
    g.z += -1.0925484305920792 * w[5] * y + 4.0 * 0.31539156525252005 * w[6] * z - 1.0925484305920792 * w[7] * x;
  }
  if (frame.counts.y > 9u) {
    let w9 = -0.5900435899266435 * w[9]; let w10 = 2.890611442640554 * w[10]; let w11 = -0.4570457994644658 * w[11];
    let w12 = 0.3731763325901154 * w[12]; let w13 = -0.4570457994644658 * w[13]; let w14 = 1.445305721320277 * w[14]; let w15 = -0.5900435899266435 * w[15];
    g.x += w9 * 6.0 * x * y + w10 * y * z - w11 * 2.0 * x * y - w12 * 6.0 * x * z + w13 * (4.0 * zz - 3.0 * xx - yy) + w14 * 2.0 * x * z + w15 * 3.0 * (xx - yy);
    g.y += w9 * 3.0 * (xx - yy) + w10 * x * z + w11 * (4.0 * zz - xx - 3.0 * yy) - w12 * 6.0 * y * z - w13 * 2.0 * x * y - w14 * 2.0 * y * z - w15 * 6.0 * x * y;
    g.z += w10 * x * y + w11 * 8.0 * y * z + w12 * (6.0 * zz - 3.0 * xx - 3.0 * yy) + w13 * 8.0 * x * z + w14 * (xx - yy);
  }
  return g;
}
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = rowIndex(gid, groups);
  if (i >= frame.counts.x) { return; }
  let g = i * ${GEOM_STRIDE}u;
  let stored = frame.counts.z * 3u;
  for (var k = 0u; k < ${GEOM_STRIDE}u; k++) { geomGradient[g + k] = 0.0; }
  ${hasHarmonics ? 'for (var k = 0u; k < stored; k++) { shGradient[i * stored + k] = 0.0; }' : ''}
  if (proj[i * ${PROJ_STRIDE}u + 13u] == 0.0) { return; }
  var sum: array<f32, ${PAIR_STRIDE}>;
  ${take}
  let halfSize = 0.5 * vec2f(frame.size.xy);
  proj[i * ${PROJ_STRIDE}u + 14u] = length(vec2f(sum[0], sum[1]) * halfSize);
  proj[i * ${PROJ_STRIDE}u + 15u] = length(vec2f(sum[2], sum[3]) * halfSize);
  let s = splatOf(i);
  let low = frame.options.y;
  let c00 = s.cov.x + low; let c11 = s.cov.z + low;
  let det = c00 * c11 - s.cov.y * s.cov.y;
  let xa = c11 / det; let xb = -s.cov.y / det; let xc = c00 / det;
  let va = sum[4]; let vb = 0.5 * sum[5]; let vc = sum[6];
  let l00 = xa * va + xb * vb; let l01 = xa * vb + xb * vc; let l10 = xb * va + xc * vb; let l11 = xb * vb + xc * vc;
  var g00 = -(l00 * xa + l01 * xb); var g01 = -(l00 * xb + l01 * xc); var g11 = -(l10 * xb + l11 * xc);
  let opacity = 1.0 / (1.0 + exp(-geom[g + 10u]));
  var vOpacity = sum[7];
  if (frame.options.w > 0.5) {
    let ratio = (s.cov.x * s.cov.z - s.cov.y * s.cov.y) / det;
    let factor = sqrt(max(0.000025, ratio));
    if (ratio > 0.000025) {
      let vRatio = vOpacity * opacity / (2.0 * factor * det);
      g00 += vRatio * (s.cov.z - ratio * c11);
      g11 += vRatio * (s.cov.x - ratio * c00);
      g01 += vRatio * (ratio - 1.0) * s.cov.y;
    }
    vOpacity *= factor;
  }
  geomGradient[g + 10u] = vOpacity * opacity * (1.0 - opacity);
  let GB0 = g00 * s.B0 + g01 * s.B1;
  let GB1 = g01 * s.B0 + g11 * s.B1;
  let dB0 = 2.0 * (s.M * (GB0 * s.M));
  let dB1 = 2.0 * (s.M * (GB1 * s.M));
  var v: mat3x3f;
  for (var k = 0u; k < 3u; k++) {
    let dM = 2.0 * (GB0 * s.BM0[k] + GB1 * s.BM1[k]);
    geomGradient[g + 7u + k] = s.s[k] * dot(dM, s.Q[k]);
    v[k] = dM * s.s[k];
  }
  // v[column][row]
  let w = s.q.x; let x = s.q.y; let y = s.q.z; let z = s.q.w;
  let dq = vec4f(
    2.0 * (x * (v[1][2] - v[2][1]) + y * (v[2][0] - v[0][2]) + z * (v[0][1] - v[1][0])),
    2.0 * (-2.0 * x * (v[1][1] + v[2][2]) + y * (v[0][1] + v[1][0]) + z * (v[0][2] + v[2][0]) + w * (v[1][2] - v[2][1])),
    2.0 * (x * (v[0][1] + v[1][0]) - 2.0 * y * (v[0][0] + v[2][2]) + z * (v[1][2] + v[2][1]) + w * (v[2][0] - v[0][2])),
    2.0 * (x * (v[0][2] + v[2][0]) + y * (v[1][2] + v[2][1]) - 2.0 * z * (v[0][0] + v[1][1]) + w * (v[0][1] - v[1][0])));
  let q = (dq - dot(dq, s.q) * s.q) / s.norm;
  for (var k = 0u; k < 4u; k++) { geomGradient[g + 3u + k] = q[k]; }
  let fx = frame.k.x; let fy = frame.k.y;
  let pz = s.p.z;
  let dJ = vec4f(dot(dB0, frame.row0.xyz), dot(dB0, frame.row2.xyz), dot(dB1, frame.row1.xyz), dot(dB1, frame.row2.xyz));
  var dp = vec3f(fx / pz * sum[0], fy / pz * sum[1], -(fx * s.p.x * sum[0] + fy * s.p.y * sum[1]) / (pz * pz) - (s.J.x * dJ.x + s.J.z * dJ.z) / pz);
  if (s.isClamped.x) { dp.z -= s.J.y / pz * dJ.y; } else { dp.x -= fx / (pz * pz) * dJ.y; dp.z -= 2.0 * s.J.y / pz * dJ.y; }
  if (s.isClamped.y) { dp.z -= s.J.w / pz * dJ.w; } else { dp.y -= fy / (pz * pz) * dJ.w; dp.z -= 2.0 * s.J.w / pz * dJ.w; }
  let m = vec3f(geom[g], geom[g + 1u], geom[g + 2u]);
  let offset = m - frame.center.xyz;
  let distance = length(offset);
  let direction = offset / distance;
  let basis = basisOf(direction);
  let at = i * ${PROJ_STRIDE}u;
  let vColor = vec3f(select(0.0, sum[8], proj[at + 6u] > 0.0), select(0.0, sum[9], proj[at + 7u] > 0.0), select(0.0, sum[10], proj[at + 8u] > 0.0));
  var weights: array<f32, 16>;
  for (var k = 0u; k < frame.counts.y; k++) {
    let base = i * stored + 3u * k;
    ${hasHarmonics ? 'for (var c = 0u; c < 3u; c++) { shGradient[base + c] = basis[k] * vColor[c]; }' : ''}
    weights[k] = dot(vec3f(sh[base], sh[base + 1u], sh[base + 2u]), vColor);
  }
  ${hasHarmonics ? '' : `for (var c = 0u; c < 3u; c++) { proj[at + 6u + c] = vColor[c]; }`}
  var dm = dp.x * frame.row0.xyz + dp.y * frame.row1.xyz + dp.z * frame.row2.xyz;
  if (frame.counts.y > 1u) {
    let vd = directionGradient(direction, weights);
    dm += (vd - dot(vd, direction) * direction) / distance;
  }
  for (var k = 0u; k < 3u; k++) { geomGradient[g + k] = dm[k]; }
}
`;
}
