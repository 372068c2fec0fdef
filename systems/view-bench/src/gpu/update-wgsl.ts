/** WGSL of what a step does to the cloud: growth statistics, Adam, noise, reset of opacities, and the move of rows. */
import { BETA1, BETA2, EPSILON } from '../train/adam.ts';
import { RESET_LOGIT } from '../train/schedule.ts';
import { BASIS_AT_WGSL, GEOM_STRIDE, PROJ_STRIDE, ROW_THREADS, UNIFORM_WGSL } from './common-wgsl.ts';
import { IS_HALTED_WGSL, STEP_WGSL } from './step-wgsl.ts';

const MAIN = /* wgsl */ `@compute @workgroup_size(${ROW_THREADS}) fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u)`;

/** growth: sum of positional gradients and number of views a Gaussian. */
export const GROWTH_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> proj: array<f32>;
@group(0) @binding(3) var<storage, read_write> growth: array<vec2f>;
@group(0) @binding(4) var<storage, read> records: array<u32>;
${IS_HALTED_WGSL}
${MAIN} {
  let i = rowIndex(gid, groups);
  if (i >= frame.counts.x || isHalted()) { return; }
  let at = i * ${PROJ_STRIDE}u;
  if (proj[at + 13u] == 0.0) { return; }
  growth[i] += vec2f(select(proj[at + 14u], proj[at + 15u], step.norm.w > 0.5), 1.0);
}
`;

/** θ −= rate · m̂ / (√v̂ + ε), a value a thread. The rates hold 1 / (1 − β₁^step). */
function adamWgsl(count: string, bindings: string, choose: string): string {
  return /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> first: array<f32>;
@group(0) @binding(4) var<storage, read_write> second: array<f32>;
@group(0) @binding(5) var<storage, read> records: array<u32>;
${bindings}
${IS_HALTED_WGSL}
${MAIN} {
  let k = rowIndex(gid, groups);
  if (k >= ${count} || isHalted()) { return; }
  let value = values[k];
  var g: f32;
  var rate: f32;
  ${choose}
  let m = ${BETA1} * first[k] + ${1 - BETA1} * g;
  let v = ${BETA2} * second[k] + ${1 - BETA2} * g * g;
  first[k] = m;
  second[k] = v;
  values[k] = value - rate * m / (sqrt(v) / step.more.z + ${EPSILON});
}
`;
}

/** Regularisers of MCMC: weight · mean opacity and weight · mean scale. */
export const ADAM_GEOMETRY_WGSL = adamWgsl(
  `frame.counts.x * ${GEOM_STRIDE}u`,
  '@group(0) @binding(6) var<storage, read> gradients: array<f32>;',
  /* wgsl */ `
  g = gradients[k];
  let column = k % ${GEOM_STRIDE}u;
  let share = step.exposure.z / f32(frame.counts.x);
  if (column < 3u) { rate = step.rates.x; }
  else if (column < 7u) { rate = step.rates.y; }
  else if (column < 10u) { rate = step.rates.z; g += share / 3.0 * exp(value); }
  else { rate = step.rates.w; let o = 1.0 / (1.0 + exp(-value)); g += share * o * (1.0 - o); }`,
);

/** The gradient by a coefficient is the basis function towards the mean times the gradient by the colour, which the backward pass left in
 *  the projected row. Runs before the means move. */
export const ADAM_HARMONICS_WGSL = adamWgsl(
  'frame.counts.x * frame.counts.z * 3u',
  /* wgsl */ `
@group(0) @binding(6) var<storage, read> proj: array<f32>;
@group(0) @binding(7) var<storage, read> geom: array<f32>;
${BASIS_AT_WGSL}`,
  /* wgsl */ `
  let width = frame.counts.z * 3u;
  let i = k / width;
  let column = k % width;
  let basis = column / 3u;
  rate = select(step.more.y, step.more.x, basis == 0u);
  let at = i * ${PROJ_STRIDE}u;
  if (proj[at + 13u] != 0.0 && basis < frame.counts.y) {
    let m = vec3f(geom[i * ${GEOM_STRIDE}u], geom[i * ${GEOM_STRIDE}u + 1u], geom[i * ${GEOM_STRIDE}u + 2u]);
    g = basisAt(basis, normalize(m - frame.center.xyz)) * proj[at + 6u + column % 3u];
  }`,
);

/** m += Σ η · σ(−100 (o − 0.005)) · rate · 5e5, η standard normal from a hash of seed, step and row. */
export const NOISE_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read_write> geom: array<f32>;
@group(0) @binding(3) var<storage, read> records: array<u32>;
${IS_HALTED_WGSL}
var<private> state: u32;
// PCG, O'Neill 2014.
fn uniformOf() -> f32 {
  state = state * 747796405u + 2891336453u;
  var word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  word = (word >> 22u) ^ word;
  return (f32(word >> 8u) + 0.5) / 16777216.0;
}
fn normalOf() -> f32 { let u = uniformOf(); return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * uniformOf()); }
${MAIN} {
  let i = rowIndex(gid, groups);
  if (i >= frame.counts.x || isHalted()) { return; }
  let g = i * ${GEOM_STRIDE}u;
  state = step.info.w ^ (step.info.x * 2654435769u);
  state = (state + u32(uniformOf() * 16777216.0)) ^ (i * 2246822519u);
  let eta = vec3f(normalOf(), normalOf(), normalOf());
  let o = 1.0 / (1.0 + exp(-geom[g + 10u]));
  let gate = 1.0 / (1.0 + exp(100.0 * (o - 0.005)));
  if (gate < 1e-12) { return; }
  let q = normalize(vec4f(geom[g + 3u], geom[g + 4u], geom[g + 5u], geom[g + 6u]));
  let w = q.x; let x = q.y; let y = q.z; let z = q.w;
  let Q = mat3x3f(
    vec3f(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)),
    vec3f(2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)),
    vec3f(2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)));
  let shift = Q * (exp(2.0 * vec3f(geom[g + 7u], geom[g + 8u], geom[g + 9u])) * (eta * Q)) * (gate * step.more.w * 5e5);
  for (var k = 0u; k < 3u; k++) { geom[g + k] += shift[k]; }
}
`;

/** Opacities cut to 0.01, their moments zeroed. */
export const RESET_OPACITY_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read_write> geom: array<f32>;
@group(0) @binding(2) var<storage, read_write> first: array<f32>;
@group(0) @binding(3) var<storage, read_write> second: array<f32>;
${MAIN} {
  let i = rowIndex(gid, groups);
  if (i >= frame.counts.x) { return; }
  let k = i * ${GEOM_STRIDE}u + 10u;
  geom[k] = min(geom[k], ${RESET_LOGIT});
  first[k] = 0.0;
  second[k] = 0.0;
}
`;

/** Row r of the result is row sources[r], or zeros for −1. */
export const GATHER_WGSL = /* wgsl */ `
// rows, width
@group(0) @binding(0) var<uniform> info: vec4u;
@group(0) @binding(1) var<storage, read> sources: array<i32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
${MAIN} {
  let k = gid.x + gid.y * groups.x * ${ROW_THREADS}u;
  if (k >= info.x * info.y) { return; }
  let source = sources[k / info.y];
  result[k] = select(0.0, before[u32(max(source, 0)) * info.y + k % info.y], source >= 0);
}
`;
