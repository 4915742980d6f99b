// Where the ray through a point of the picture meets a triangle (Olano and Greer 1997), and texels around a point.
#pragma once
#include "view.cuh"

struct Barycentric {
  float b0, b1, b2;
  float total;  // what they were scaled by: |det| of the homogeneous samples / depth
};

// h: float [V][3] of the view; the barycentrics are convex even where the ray just misses.
static __forceinline__ __device__ Barycentric barycentric_at(const float* h, int i, int j, int k, float column,
                                                             float row) {
  const float z0 = h[3 * i + 2], z1 = h[3 * j + 2], z2 = h[3 * k + 2];
  const float x0 = h[3 * i] - column * z0, y0 = h[3 * i + 1] - row * z0;
  const float x1 = h[3 * j] - column * z1, y1 = h[3 * j + 1] - row * z1;
  const float x2 = h[3 * k] - column * z2, y2 = h[3 * k + 1] - row * z2;
  float b0 = x1 * y2 - x2 * y1, b1 = x2 * y0 - x0 * y2, b2 = x0 * y1 - x1 * y0;
  const float sign = b0 + b1 + b2 < 0.0f ? -1.0f : 1.0f;
  b0 = fmaxf(sign * b0, 0.0f), b1 = fmaxf(sign * b1, 0.0f), b2 = fmaxf(sign * b2, 0.0f);
  const float total = b0 + b1 + b2;
  const bool some = total > 0.0f;
  const float per_total = 1.0f / (some ? total : 1.0f), rest = some ? 0.0f : 1.0f / 3.0f;
  return {b0 * per_total + rest, b1 * per_total + rest, b2 * per_total + rest, total};
}

struct TexelPair {
  int low, high;
  float part;  // weight of the second
};

static __forceinline__ __device__ TexelPair texel_pair(float coordinate, int count) {
  float at = coordinate * (float)count - 0.5f;
  at = at > 0.0f ? at : 0.0f;  // NaN as well
  at = fminf(at, (float)(count - 1));
  const int low = (int)at;
  return {low, min(low + 1, count - 1), at - (float)low};
}
