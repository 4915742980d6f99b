// World vertices to homogeneous samples and to fixed-point window coordinates; grid.y is the view.
#include "fixed.cuh"

extern "C" __global__ void __launch_bounds__(128)
    project_vertices(int count, const float* __restrict__ vertices, const View* __restrict__ views,
                     float* __restrict__ homogeneous, int* __restrict__ window, float* __restrict__ inverse_depth,
                     unsigned char* __restrict__ outside) {
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= count) return;
  const double x = vertices[3 * v], y = vertices[3 * v + 1], z = vertices[3 * v + 2];
  const double* M = views[blockIdx.y].matrix;
  const long long at = (long long)blockIdx.y * count + v;
  float h[3];
  for (int r = 0; r < 3; ++r) {
    h[r] = (float)(((M[4 * r] * x + M[4 * r + 1] * y) + M[4 * r + 2] * z) + M[4 * r + 3]);
    homogeneous[3 * at + r] = h[r];
  }
  const double hx = h[0], hy = h[1], depth = h[2];
  const int out = outside_of(hx, hy, depth);
  outside[at] = (unsigned char)out;
  if (out == 0) {
    window[2 * at] = (int)snap(hx / depth);
    window[2 * at + 1] = (int)snap(hy / depth);
    inverse_depth[at] = (float)(1.0 / depth);
  }
}
