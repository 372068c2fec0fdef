/** WGSL of the forward pass: projection, pairs of tiles and Gaussians, tile ranges, compositing. */
import { bandWgsl, GEOMETRY_WGSL, PROJ_STRIDE, ROW_THREADS, TILE_PX, TILES_WGSL, UNIFORM_WGSL } from './common-wgsl.ts';

/** Projects every Gaussian, counts its tiles, and writes its depth as sortable key. */
export const PROJECT_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> geom: array<f32>;
@group(0) @binding(2) var<storage, read> sh: array<f32>;
@group(0) @binding(3) var<storage, read_write> proj: array<f32>;
@group(0) @binding(4) var<storage, read_write> tileCounts: array<u32>;
@group(0) @binding(5) var<storage, read_write> keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> ids: array<u32>;
${GEOMETRY_WGSL}
${TILES_WGSL}
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = rowIndex(gid, groups);
  if (i >= frame.counts.x) { return; }
  tileCounts[i] = 0u;
  keys[i] = 0xffffffffu;
  ids[i] = i;
  let at = i * ${PROJ_STRIDE}u;
  proj[at + 13u] = 0.0;
  let s = splatOf(i);
  if (!s.isDrawn) { return; }
  let c00 = s.cov.x + frame.options.y;
  let c11 = s.cov.z + frame.options.y;
  let det = c00 * c11 - s.cov.y * s.cov.y;
  if (!(det > 0.0)) { return; }
  var opacity = 1.0 / (1.0 + exp(-geom[i * 11u + 10u]));
  if (frame.options.w > 0.5) { opacity *= sqrt(max(0.000025, (s.cov.x * s.cov.z - s.cov.y * s.cov.y) / det)); }
  if (!(opacity >= minAlpha)) { return; }
  let uv = frame.k.xy * s.p.xy / s.p.z + frame.k.zw;
  let reach = 2.0 * log(opacity * 255.0);
  let halfSize = sqrt(reach * vec2f(c00, c11));
  let size = vec2f(f32(frame.size.x), f32(frame.size.y));
  if (any(uv + halfSize < vec2f(0.0)) || any(uv - halfSize > size)) { return; }
  let a = c11 / det; let b = -s.cov.y / det; let c = c00 / det;
  let m = vec3f(geom[i * 11u], geom[i * 11u + 1u], geom[i * 11u + 2u]);
  let basis = basisOf(normalize(m - frame.center.xyz));
  var color = vec3f(0.5);
  let base = i * frame.counts.z * 3u;
  for (var k = 0u; k < frame.counts.y; k++) { color += basis[k] * vec3f(sh[base + 3u * k], sh[base + 3u * k + 1u], sh[base + 3u * k + 2u]); }
  color = max(color, vec3f(0.0));
  let wide = halfSize + 0.001;
  proj[at] = uv.x; proj[at + 1u] = uv.y; proj[at + 2u] = a; proj[at + 3u] = b; proj[at + 4u] = c; proj[at + 5u] = opacity;
  proj[at + 6u] = color.r; proj[at + 7u] = color.g; proj[at + 8u] = color.b; proj[at + 9u] = s.p.z; proj[at + 10u] = reach;
  proj[at + 11u] = wide.x; proj[at + 12u] = wide.y; proj[at + 13u] = 1.0;
  let box = tileBox(uv, wide);
  var count = 0u;
  for (var y = box.start.y; y < box.end.y; y++) {
    for (var x = box.start.x; x < box.end.x; x++) { if (isTouched(box, vec2u(x, y), uv, a, b, c, countedReach(reach))) { count++; } }
  }
  tileCounts[i] = count;
  keys[i] = bitcast<u32>(s.p.z);
}
`;

/** Tile counts in order of depth. */
export const ORDER_COUNTS_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> tileCounts: array<u32>;
@group(0) @binding(3) var<storage, read_write> ordered: array<u32>;
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let r = rowIndex(gid, groups);
  if (r > frame.counts.x) { return; }
  ordered[r] = select(0u, tileCounts[ids[min(r, frame.counts.x - 1u)]], r < frame.counts.x);
}
`;

/** Counts of the tiles of one band, in order of depth. */
export const BAND_COUNTS_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> proj: array<f32>;
@group(0) @binding(3) var<storage, read_write> ordered: array<u32>;
${bandWgsl(4)}
${TILES_WGSL}
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let r = rowIndex(gid, groups);
  if (r > frame.counts.x) { return; }
  let at = ids[min(r, frame.counts.x - 1u)] * ${PROJ_STRIDE}u;
  var count = 0u;
  if (r < frame.counts.x && proj[at + 13u] != 0.0) {
    let uv = vec2f(proj[at], proj[at + 1u]);
    let box = tileBox(uv, vec2f(proj[at + 11u], proj[at + 12u]));
    for (var y = max(box.start.y, band.x); y < min(box.end.y, band.y); y++) {
      for (var x = box.start.x; x < box.end.x; x++) {
        if (isTouched(box, vec2u(x, y), uv, proj[at + 2u], proj[at + 3u], proj[at + 4u], countedReach(proj[at + 10u]))) { count++; }
      }
    }
  }
  ordered[r] = count;
}
`;

/** Emits a pair for every tile of the band that a Gaussian touches, near to far. A pair's number is its place before the sort by tiles.
 *  Exactly as many as were counted, else pairs of the next Gaussian would be overwritten: compilers round differently from kernel to
 *  kernel. The count is a little generous, so that no touched tile is left out; tiles that only fill up show nothing of the Gaussian. */
export const EMIT_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> proj: array<f32>;
@group(0) @binding(4) var<storage, read_write> tileKeys: array<u32>;
@group(0) @binding(5) var<storage, read_write> pairs: array<u32>;
@group(0) @binding(6) var<storage, read_write> owners: array<u32>;
@group(0) @binding(7) var<storage, read_write> firstPairs: array<u32>;
${bandWgsl(8)}
${TILES_WGSL}
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let r = rowIndex(gid, groups);
  if (r >= frame.counts.x) { return; }
  let i = ids[r];
  var e = offsets[r];
  firstPairs[i] = e;
  let at = i * ${PROJ_STRIDE}u;
  if (proj[at + 13u] == 0.0) { return; }
  let uv = vec2f(proj[at], proj[at + 1u]);
  let box = tileBox(uv, vec2f(proj[at + 11u], proj[at + 12u]));
  let end = offsets[r + 1u];
  let startY = max(box.start.y, band.x);
  let endY = max(startY, min(box.end.y, band.y));
  var tilesLeft = (endY - startY) * (box.end.x - box.start.x);
  for (var y = startY; y < endY; y++) {
    for (var x = box.start.x; x < box.end.x; x++) {
      if (e == end) { return; }
      let isOwed = end - e >= tilesLeft;
      tilesLeft--;
      if (!isOwed && !isTouched(box, vec2u(x, y), uv, proj[at + 2u], proj[at + 3u], proj[at + 4u], emittedReach(proj[at + 10u]))) { continue; }
      if (e < frame.counts.w) {
        tileKeys[e] = y * frame.size.z + x;
        pairs[e] = e;
        owners[e] = i;
      }
      e++;
    }
  }
}
`;

/** Where the list of every tile starts and ends. */
export const RANGES_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> tileKeys: array<u32>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2u>;
@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = rowIndex(gid, groups);
  let total = min(offsets[frame.counts.x], frame.counts.w);
  if (p >= total) { return; }
  let tile = tileKeys[p];
  if (p == 0u || tileKeys[p - 1u] != tile) { ranges[tile].x = p; }
  if (p + 1u == total || tileKeys[p + 1u] != tile) { ranges[tile].y = p + 1u; }
}
`;

/** Composites a tile of the band: a thread a pixel, Gaussians in batches through workgroup memory. image: r g b T a pixel. */
export const COMPOSITE_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> proj: array<f32>;
@group(0) @binding(2) var<storage, read> pairs: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> lasts: array<u32>;
${bandWgsl(7)}
const batch = ${ROW_THREADS}u;
var<workgroup> range: vec2u;
var<workgroup> s0: array<vec4f, ${ROW_THREADS}>;
var<workgroup> s1: array<vec4f, ${ROW_THREADS}>;
var<workgroup> s2: array<f32, ${ROW_THREADS}>;
@compute @workgroup_size(${TILE_PX}, ${TILE_PX}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = vec2u(group.x, group.y + band.x);
  let pixel = tile * ${TILE_PX}u + local.xy;
  let isInside = pixel.x < frame.size.x && pixel.y < frame.size.y;
  if (lane == 0u) { range = ranges[tile.y * frame.size.z + tile.x]; }
  let bounds = workgroupUniformLoad(&range);
  var T = 1.0;
  var C = vec3f(0.0);
  var last = 0u;
  var isDone = !isInside;
  for (var start = bounds.x; start < bounds.y; start += batch) {
    workgroupBarrier();
    if (start + lane < bounds.y) {
      let at = owners[pairs[start + lane]] * ${PROJ_STRIDE}u;
      s0[lane] = vec4f(proj[at], proj[at + 1u], proj[at + 2u], proj[at + 3u]);
      s1[lane] = vec4f(proj[at + 4u], proj[at + 5u], proj[at + 6u], proj[at + 7u]);
      s2[lane] = proj[at + 8u];
    }
    workgroupBarrier();
    let end = min(batch, bounds.y - start);
    for (var j = 0u; j < end && !isDone; j++) {
      let d = s0[j].xy - vec2f(pixel) - 0.5;
      let sigma = 0.5 * (s0[j].z * d.x * d.x + s1[j].x * d.y * d.y) + s0[j].w * d.x * d.y;
      if (sigma < 0.0) { continue; }
      let alpha = min(frame.options.z, s1[j].y * exp(-sigma));
      if (alpha < minAlpha) { continue; }
      let after = T * (1.0 - alpha);
      if (after < 1e-4) { isDone = true; break; }
      C += vec3f(s1[j].zw, s2[j]) * (alpha * T);
      T = after;
      last = start + j + 1u;
    }
  }
  if (isInside) {
    let p = pixel.y * frame.size.x + pixel.x;
    image[p] = vec4f(C + T * frame.background.rgb, T);
    lasts[p] = last;
  }
}
`;
