// Linear blend skinning: one thread for each vertex; a tile of 32 lies side by side.
#include "view.cuh"

#define LANES 32

extern "C" __global__ void __launch_bounds__(128) skin_vertices(
    int tiles, const int* __restrict__ vertex_ids, const float* __restrict__ rest, const int* __restrict__ weight_start,
    const int* __restrict__ weight_joint, const float* __restrict__ weight, const int* __restrict__ corrective_start,
    const int* __restrict__ corrective_joint, const short* __restrict__ corrective,
    const float* __restrict__ corrective_scale, const int* __restrict__ expression_start,
    const int* __restrict__ expression_index, const float* __restrict__ expression_offset,
    const float* __restrict__ transforms, const float* __restrict__ features, const float* __restrict__ expression,
    float* __restrict__ vertices) {
  const int thread = blockIdx.x * blockDim.x + threadIdx.x;
  const int tile = thread / LANES, lane = thread % LANES;
  if (tile >= tiles) return;
  float p[3];
  for (int c = 0; c < 3; ++c) p[c] = rest[(tile * 3 + c) * LANES + lane];
  for (int e = expression_start[tile]; e < expression_start[tile + 1]; ++e) {
    const float amount = expression[expression_index[e]];
    if (amount == 0.0f) continue;
    for (int c = 0; c < 3; ++c) p[c] += amount * expression_offset[(e * 3 + c) * LANES + lane];
  }
  for (int e = corrective_start[tile]; e < corrective_start[tile + 1]; ++e) {
    const float* f = features + 9 * corrective_joint[e];
    if (f[0] + f[4] + f[8] == 0.0f) continue;  // at rest
    const float scale = corrective_scale[e];
    const short* block = corrective + (long long)e * 27 * LANES + lane;
    for (int c = 0; c < 3; ++c) {
      float sum = 0.0f;
      for (int k = 0; k < 9; ++k) sum += scale * f[k] * (float)block[(9 * c + k) * LANES];
      p[c] += sum;
    }
  }
  float x = 0.0f, y = 0.0f, z = 0.0f;
  for (int e = weight_start[tile]; e < weight_start[tile + 1]; ++e) {
    const float w = weight[e * LANES + lane];
    const float4* T = (const float4*)transforms + 3 * weight_joint[e];  // its rows
    float4 row = T[0];
    x += w * (row.x * p[0] + row.y * p[1] + row.z * p[2] + row.w);
    row = T[1];
    y += w * (row.x * p[0] + row.y * p[1] + row.z * p[2] + row.w);
    row = T[2];
    z += w * (row.x * p[0] + row.y * p[1] + row.z * p[2] + row.w);
  }
  float* out = vertices + 3 * vertex_ids[tile * LANES + lane];
  out[0] = x;
  out[1] = y;
  out[2] = z;
}
