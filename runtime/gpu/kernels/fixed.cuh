// Projection, fixed point and clipping, as `dinar.runtime.cpu.rasterize` says: every operation rounds on its own.
#pragma once
#include "view.cuh"

#define NEAR_M 0.01
#define GUARD 65536.0
#define OUT_NEAR 1
#define OUT_LEFT 2
#define OUT_RIGHT 4
#define OUT_TOP 8
#define OUT_BOTTOM 16
#define NOT_FINITE 32

static __forceinline__ __device__ long long snap(double pixel) { return (long long)floor(pixel * 256.0 + 0.5); }

static __forceinline__ __device__ bool is_finite(double v) { return v - v == 0.0; }

static __forceinline__ __device__ int outside_of(double hx, double hy, double z) {
  if (!(is_finite(hx) && is_finite(hy) && is_finite(z))) return NOT_FINITE;
  int out = 0;
  if (z < NEAR_M) out |= OUT_NEAR;
  if (hx < -GUARD * z) out |= OUT_LEFT;
  if (hx > GUARD * z) out |= OUT_RIGHT;
  if (hy < -GUARD * z) out |= OUT_TOP;
  if (hy > GUARD * z) out |= OUT_BOTTOM;
  return out;
}
