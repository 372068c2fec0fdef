/** WGSL that several kernels share: the frame's uniforms, the packed layouts, and the geometry of one Gaussian. */

/** f32 values of a Gaussian in `geom`: mean 3, quaternion 4 (w, x, y, z), log scales 3, opacity logit 1. */
export const GEOM_STRIDE = 11;
/** f32 values of a projected Gaussian: u v a b | c o r g | b depth reach halfX | halfY drawn growth absoluteGrowth. */
export const PROJ_STRIDE = 16;
/** Gradients of a (tile, Gaussian) pair: u v |u| |v| a b c o r g b. */
export const PAIR_STRIDE = 11;
export const TILE_PX = 16;
/** Threads of the kernels that walk rows. */
export const ROW_THREADS = 256;

export const UNIFORM_WGSL = /* wgsl */ `
struct Frame {
  row0: vec4f, row1: vec4f, row2: vec4f,
  k: vec4f,
  center: vec4f,
  background: vec4f,
  // near, low-pass, largest alpha, 1 = antialiased
  options: vec4f,
  // width, height, tile columns, tile rows
  size: vec4u,
  // Gaussians, active basis functions, stored basis functions, capacity of pairs
  counts: vec4u,
}
@group(0) @binding(0) var<uniform> frame: Frame;
fn rowIndex(gid: vec3u, groups: vec3u) -> u32 { return gid.x + gid.y * groups.x * ${ROW_THREADS}u; }
const minAlpha = 1.0 / 255.0;
`;

/** The band of tile rows that a kernel works on, where an image is done in several: first row, row behind the last, number of the band. */
export function bandWgsl(binding: number): string {
  return `@group(0) @binding(${binding}) var<uniform> band: vec4u;`;
}

export const GEOMETRY_WGSL = /* wgsl */ `
struct Splat {
  p: vec3f, q: vec4f, norm: f32, s: vec3f,
  Q: mat3x3f, M: mat3x3f,
  J: vec4f,
  B0: vec3f, B1: vec3f,
  BM0: vec3f, BM1: vec3f,
  cov: vec3f,
  limits: vec2f,
  isClamped: vec2<bool>,
  isDrawn: bool,
}
fn splatOf(i: u32) -> Splat {
  var out: Splat;
  let g = i * ${GEOM_STRIDE}u;
  let m = vec3f(geom[g], geom[g + 1u], geom[g + 2u]);
  out.p = vec3f(dot(frame.row0.xyz, m) + frame.row0.w, dot(frame.row1.xyz, m) + frame.row1.w, dot(frame.row2.xyz, m) + frame.row2.w);
  let z = out.p.z;
  let raw = vec4f(geom[g + 3u], geom[g + 4u], geom[g + 5u], geom[g + 6u]);
  out.norm = length(raw);
  out.isDrawn = z > frame.options.x && out.norm > 0.0;
  if (!out.isDrawn) { return out; }
  out.q = raw / out.norm;
  let w = out.q.x; let x = out.q.y; let y = out.q.z; let v = out.q.w;
  // Columns.
  out.Q = mat3x3f(
    vec3f(1.0 - 2.0 * (y * y + v * v), 2.0 * (x * y + w * v), 2.0 * (x * v - w * y)),
    vec3f(2.0 * (x * y - w * v), 1.0 - 2.0 * (x * x + v * v), 2.0 * (y * v + w * x)),
    vec3f(2.0 * (x * v + w * y), 2.0 * (y * v - w * x), 1.0 - 2.0 * (x * x + y * y)));
  out.s = exp(vec3f(geom[g + 7u], geom[g + 8u], geom[g + 9u]));
  out.M = mat3x3f(out.Q[0] * out.s.x, out.Q[1] * out.s.y, out.Q[2] * out.s.z);
  let fx = frame.k.x; let fy = frame.k.y; let cx = frame.k.z; let cy = frame.k.w;
  let size = vec2f(f32(frame.size.x), f32(frame.size.y));
  let ratio = out.p.xy / z;
  let low = -(vec2f(cx, cy) + 0.15 * size) / vec2f(fx, fy);
  let high = (1.15 * size - vec2f(cx, cy)) / vec2f(fx, fy);
  out.limits = clamp(ratio, low, high);
  out.isClamped = out.limits != ratio;
  out.J = vec4f(fx / z, -fx * out.limits.x / z, fy / z, -fy * out.limits.y / z);
  out.B0 = out.J.x * frame.row0.xyz + out.J.y * frame.row2.xyz;
  out.B1 = out.J.z * frame.row1.xyz + out.J.w * frame.row2.xyz;
  out.BM0 = out.B0 * out.M;
  out.BM1 = out.B1 * out.M;
  out.cov = vec3f(dot(out.BM0, out.BM0), dot(out.BM0, out.BM1), dot(out.BM1, out.BM1));
  return out;
}
fn basisOf(d: vec3f) -> array<f32, 16> {
  var b: array<f32, 16>;
  let x = d.x; let y = d.y; let z = d.z;
  let xx = x * x; let yy = y * y; let zz = z * z;
  b[0] = 0.28209479177387814;
  b[1] = -0.4886025119029199 * y;
  b[2] = 0.4886025119029199 * z;
  b[3] = -0.4886025119029199 * x;
  b[4] = 1.0925484305920792 * x * y;
  b[5] = -1.0925484305920792 * y * z;
  b[6] = 0.31539156525252005 * (2.0 * zz - xx - yy);
  b[7] = -1.0925484305920792 * x * z;
  b[8] = 0.5462742152960396 * (xx - yy);
  b[9] = -0.5900435899266435 * y * (3.0 * xx - yy);
  b[10] = 2.890611442640554 * x * y * z;
  b[11] = -0.4570457994644658 * y * (4.0 * zz - xx - yy);
  b[12] = 0.3731763325901154 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy);
  b[13] = -0.4570457994644658 * x * (4.0 * zz - xx - yy);
  b[14] = 1.445305721320277 * z * (xx - yy);
  b[15] = -0.5900435899266435 * x * (xx - 3.0 * yy);
  return b;
}
`;

/** Least value of a x² + 2 b x y + c y² over a tile, and the loop over the tiles of a Gaussian's ellipse. */
export const TILES_WGSL = /* wgsl */ `
fn smallestOnLine(a: f32, b: f32, c: f32, x: f32, low: f32, high: f32) -> f32 {
  let y = clamp(-b * x / c, low, high);
  return a * x * x + 2.0 * b * x * y + c * y * y;
}
fn smallestOverTile(a: f32, b: f32, c: f32, x: f32, y: f32) -> f32 {
  let ex = x + ${TILE_PX}.0; let ey = y + ${TILE_PX}.0;
  if (x <= 0.0 && ex >= 0.0 && y <= 0.0 && ey >= 0.0) { return 0.0; }
  return min(min(smallestOnLine(a, b, c, x, y, ey), smallestOnLine(a, b, c, ex, y, ey)),
             min(smallestOnLine(c, b, a, y, x, ex), smallestOnLine(c, b, a, ey, x, ex)));
}
struct TileBox { start: vec2u, end: vec2u }
fn tileBox(uv: vec2f, halfSize: vec2f) -> TileBox {
  let low = floor((uv - halfSize) / ${TILE_PX}.0);
  let high = floor((uv + halfSize) / ${TILE_PX}.0) + 1.0;
  let most = vec2f(f32(frame.size.z), f32(frame.size.w));
  return TileBox(vec2u(clamp(low, vec2f(0.0), most)), vec2u(clamp(high, vec2f(0.0), most)));
}
// What is emitted has slack over what shows (alpha of 1/255), and what is counted over what is emitted.
fn emittedReach(reach: f32) -> f32 { return reach * 1.0001 + 0.0001; }
fn countedReach(reach: f32) -> f32 { return reach * 1.0002 + 0.0002; }
fn isTouched(box: TileBox, tile: vec2u, uv: vec2f, a: f32, b: f32, c: f32, reach: f32) -> bool {
  if (box.end.x - box.start.x <= 1u || box.end.y - box.start.y <= 1u) { return true; }
  let corner = vec2f(tile) * ${TILE_PX}.0 - uv;
  return smallestOverTile(a, b, c, corner.x, corner.y) <= reach;
}
`;

/** One function of the basis of the harmonics. */
export const BASIS_AT_WGSL = /* wgsl */ `
fn basisAt(k: u32, d: vec3f) -> f32 {
  let x = d.x; let y = d.y; let z = d.z;
  let xx = x * x; let yy = y * y; let zz = z * z;
  switch (k) {
    case 1u: { return -0.4886025119029199 * y; }
    case 2u: { return 0.4886025119029199 * z; }
    case 3u: { return -0.4886025119029199 * x; }
    case 4u: { return 1.0925484305920792 * x * y; }
    case 5u: { return -1.0925484305920792 * y * z; }
    case 6u: { return 0.31539156525252005 * (2.0 * zz - xx - yy); }
    case 7u: { return -1.0925484305920792 * x * z; }
    case 8u: { return 0.5462742152960396 * (xx - yy); }
    case 9u: { return -0.5900435899266435 * y * (3.0 * xx - yy); }
    case 10u: { return 2.890611442640554 * x * y * z; }
    case 11u: { return -0.4570457994644658 * y * (4.0 * zz - xx - yy); }
    case 12u: { return 0.3731763325901154 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy); }
    case 13u: { return -0.4570457994644658 * x * (4.0 * zz - xx - yy); }
    case 14u: { return 1.445305721320277 * z * (xx - yy); }
    case 15u: { return -0.5900435899266435 * x * (xx - 3.0 * yy); }
    default: { return 0.28209479177387814; }
  }
}
`;
