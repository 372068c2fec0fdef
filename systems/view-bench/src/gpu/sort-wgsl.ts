/** WGSL of prefix sums and of a stable radix sort (4-bit digits, least significant first) of keys with values. */

export const SCAN_THREADS = 256;
/** Values that one workgroup of the prefix sum handles. */
export const SCAN_BLOCK = 1024;
/** Keys that one workgroup of the sort handles. */
export const SORT_BLOCK = 256;
export const SORT_DIGITS = 16;

/** Exclusive prefix sum inside blocks; sums[b] = total of block b. */
export const SCAN_WGSL = /* wgsl */ `
@group(0) @binding(0) var<uniform> info: vec4u; // length
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
var<workgroup> part: array<u32, ${SCAN_THREADS}>;
@compute @workgroup_size(${SCAN_THREADS}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x + group.y * groups.x;
  let base = block * ${SCAN_BLOCK}u + lane * 4u;
  var v = vec4u(0u);
  for (var k = 0u; k < 4u; k++) { if (base + k < info.x) { v[k] = values[base + k]; } }
  let own = v.x + v.y + v.z + v.w;
  part[lane] = own;
  for (var step = 1u; step < ${SCAN_THREADS}u; step <<= 1u) {
    workgroupBarrier();
    var add = 0u;
    if (lane >= step) { add = part[lane - step]; }
    workgroupBarrier();
    part[lane] += add;
  }
  var before = part[lane] - own;
  for (var k = 0u; k < 4u; k++) {
    if (base + k < info.x) { values[base + k] = before; }
    before += v[k];
  }
  if (lane == ${SCAN_THREADS - 1}u && block * ${SCAN_BLOCK}u < info.x) { sums[block] = part[lane]; }
}
`;

/** Adds the scanned sums of blocks to their values. */
export const SCAN_ADD_WGSL = /* wgsl */ `
@group(0) @binding(0) var<uniform> info: vec4u;
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@group(0) @binding(2) var<storage, read> sums: array<u32>;
@compute @workgroup_size(${SCAN_THREADS}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x + group.y * groups.x;
  let base = block * ${SCAN_BLOCK}u + lane * 4u;
  for (var k = 0u; k < 4u; k++) { if (base + k < info.x) { values[base + k] += sums[block]; } }
}
`;

const SORT_BINDINGS = /* wgsl */ `
// number of blocks, shift, largest length, index of the true length in \`lengths\` (or 0xffffffff)
@group(0) @binding(0) var<uniform> info: vec4u;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> keysIn: array<u32>;
fn lengthOf() -> u32 { if (info.w == 0xffffffffu) { return info.z; } return min(info.z, lengths[info.w]); }
`;

/** Histogram of digits a block, digit-major, so that one prefix sum gives all places. */
export const SORT_COUNT_WGSL = /* wgsl */ `
${SORT_BINDINGS}
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;
var<workgroup> counts: array<atomic<u32>, ${SORT_DIGITS}>;
@compute @workgroup_size(${SORT_BLOCK}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x + group.y * groups.x;
  if (lane < ${SORT_DIGITS}u) { atomicStore(&counts[lane], 0u); }
  workgroupBarrier();
  let k = block * ${SORT_BLOCK}u + lane;
  if (k < lengthOf()) { atomicAdd(&counts[(keysIn[k] >> info.y) & 15u], 1u); }
  workgroupBarrier();
  if (lane < ${SORT_DIGITS}u && block < info.x) { histogram[lane * info.x + block] = atomicLoad(&counts[lane]); }
}
`;

/** Moves keys and values to their places. Ranks inside a block come from a scan of sixteen 16-bit counters in eight words. */
export const SORT_MOVE_WGSL = /* wgsl */ `
${SORT_BINDINGS}
@group(0) @binding(3) var<storage, read> histogram: array<u32>;
@group(0) @binding(4) var<storage, read> valuesIn: array<u32>;
@group(0) @binding(5) var<storage, read_write> keysOut: array<u32>;
@group(0) @binding(6) var<storage, read_write> valuesOut: array<u32>;
var<workgroup> low: array<vec4u, ${SORT_BLOCK}>;
var<workgroup> high: array<vec4u, ${SORT_BLOCK}>;
@compute @workgroup_size(${SORT_BLOCK}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x + group.y * groups.x;
  let k = block * ${SORT_BLOCK}u + lane;
  let isKey = k < lengthOf();
  var key = 0u;
  var digit = 0u;
  var a = vec4u(0u);
  var b = vec4u(0u);
  if (isKey) {
    key = keysIn[k];
    digit = (key >> info.y) & 15u;
    let one = 1u << (16u * (digit & 1u));
    if (digit < 8u) { a[digit >> 1u] = one; } else { b[(digit >> 1u) - 4u] = one; }
  }
  low[lane] = a;
  high[lane] = b;
  for (var step = 1u; step < ${SORT_BLOCK}u; step <<= 1u) {
    workgroupBarrier();
    var addLow = vec4u(0u);
    var addHigh = vec4u(0u);
    if (lane >= step) { addLow = low[lane - step]; addHigh = high[lane - step]; }
    workgroupBarrier();
    low[lane] += addLow;
    high[lane] += addHigh;
  }
  if (!isKey) { return; }
  let mine = select(high[lane], low[lane], digit < 8u);
  let word = mine[(digit >> 1u) & 3u];
  let rank = ((word >> (16u * (digit & 1u))) & 0xffffu) - 1u;
  let place = histogram[digit * info.x + block] + rank;
  keysOut[place] = key;
  valuesOut[place] = valuesIn[k];
}
`;
