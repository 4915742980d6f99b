// The bare body in colours given at the corners of its faces: texture coordinates, or normals.
#include "barycentric.cuh"

// Normals of vertices, the mean of the faces around each by area, as colours (1 + n) / 2; grey where there is none.
// faces_around[start[v]] to faces_around[start[v + 1] - 1] are those of vertex v, ascending.
extern "C" __global__ void __launch_bounds__(128)
    normal_colours(int vertex_count, const int* __restrict__ start, const int* __restrict__ faces_around,
                   const int* __restrict__ faces, const float* __restrict__ vertices, float* __restrict__ colours) {
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vertex_count) return;
  float x = 0.0f, y = 0.0f, z = 0.0f;
  for (int e = start[v]; e < start[v + 1]; ++e) {
    const int* face = faces + 3 * faces_around[e];
    const float *p = vertices + 3 * face[0], *q = vertices + 3 * face[1], *r = vertices + 3 * face[2];
    const float ax = q[0] - p[0], ay = q[1] - p[1], az = q[2] - p[2];
    const float bx = r[0] - p[0], by = r[1] - p[1], bz = r[2] - p[2];
    x += ay * bz - az * by, y += az * bx - ax * bz, z += ax * by - ay * bx;  // twice the area long
  }
  const float length = sqrtf(x * x + y * y + z * z);
  const float scale = length > 0.0f ? 0.5f / length : 0.0f;
  colours[3 * v] = 0.5f + x * scale, colours[3 * v + 1] = 0.5f + y * scale, colours[3 * v + 2] = 0.5f + z * scale;
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
