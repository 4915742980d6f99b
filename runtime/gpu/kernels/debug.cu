// The bare body in colours given at the corners of its faces: texture coordinates, or normals.
#include "barycentric.cuh"

// Adds each face's normal, twice its area long, to its vertices. `sums` was cleared.
extern "C" __global__ void __launch_bounds__(128)
    add_normals(int face_count, const int* __restrict__ faces, const float* __restrict__ vertices, float* sums) {
  const int f = blockIdx.x * blockDim.x + threadIdx.x;
  if (f >= face_count) return;
  const int* face = faces + 3 * f;
  const float *p = vertices + 3 * face[0], *q = vertices + 3 * face[1], *r = vertices + 3 * face[2];
  const float ax = q[0] - p[0], ay = q[1] - p[1], az = q[2] - p[2];
  const float bx = r[0] - p[0], by = r[1] - p[1], bz = r[2] - p[2];
  const float normal[3] = {ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx};
  for (int corner = 0; corner < 3; ++corner)
    for (int c = 0; c < 3; ++c) atomicAdd(sums + 3 * face[corner] + c, normal[c]);
}

// Makes the sums unit vectors, and colours of them: (1 + n) / 2, grey where a vertex has no normal.
extern "C" __global__ void __launch_bounds__(128) normal_colours(int vertex_count, float* sums) {
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vertex_count) return;
  float* n = sums + 3 * v;
  const float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  const float scale = length > 0.0f ? 0.5f / length : 0.0f;
  for (int c = 0; c < 3; ++c) n[c] = 0.5f + n[c] * scale;
}

extern "C" __global__ void __launch_bounds__(128)
    paint(const Key* __restrict__ keys, int width, int height, int vertex_count,
          const float* __restrict__ homogeneous, const int* __restrict__ faces,
          const int* __restrict__ colour_faces, const float* __restrict__ colours, unsigned* __restrict__ rgba) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const long long at = ((long long)blockIdx.z * height + y) * width + x;
  const int t = triangle_of(keys[at]);
  unsigned pixel = 0;
  if (t >= 0) {
    const int *face = faces + 3 * t, *corner = colour_faces + 3 * t;
    const Barycentric b = barycentric_at(homogeneous + (long long)blockIdx.z * vertex_count * 3, face[0], face[1],
                                         face[2], (float)x + 0.5f, (float)y + 0.5f);
    pixel = 0xff000000u;
    for (int c = 0; c < 3; ++c) {
      const float value =
          b.b0 * colours[3 * corner[0] + c] + b.b1 * colours[3 * corner[1] + c] + b.b2 * colours[3 * corner[2] + c];
      pixel |= (unsigned)(value * 255.0f + 0.5f) << 8 * c;
    }
  }
  rgba[at] = pixel;
}
