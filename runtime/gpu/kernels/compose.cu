// Logits to RGBA: pixel shuffle, sigmoid and bytes, and nothing around the crop. Writes every pixel.
#include "view.cuh"

static __forceinline__ __device__ float float_of_half(unsigned short bits) {
#ifdef __CUDACC_RTC__
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
#else
  _Float16 half;
  memcpy(&half, &bits, 2);
  return (float)half;
#endif
}

static __forceinline__ __device__ unsigned byte_of_logit(unsigned short logit) {
  const float share = 1.0f / (1.0f + expf(-float_of_half(logit)));
  return (unsigned)__float2int_rn(255.0f * share);
}

extern "C" __global__ void __launch_bounds__(128)
    compose(const View* __restrict__ views, const unsigned short* __restrict__ logits, int block, int stride,
            int crop_height, int crop_width, int width, int height, unsigned* __restrict__ rgba) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
  const int view = blockIdx.z;
  if (column >= width || row >= height) return;
  const int x = column - views[view].left, y = row - views[view].top;
  unsigned pixel = 0;
  if (x >= 0 && y >= 0 && x < crop_width && y < crop_height) {
    const int cells = crop_width / block, area = block * block;
    const long long cell = ((long long)view * (crop_height / block) + y / block) * cells + x / block;
    const unsigned short* at = logits + cell * stride + (y % block) * block + x % block;
    const unsigned alpha = byte_of_logit(at[3 * area]);
    if (alpha != 0)
      pixel = byte_of_logit(at[0]) | byte_of_logit(at[area]) << 8 | byte_of_logit(at[2 * area]) << 16 | alpha << 24;
  }
  rgba[((long long)view * height + row) * width + column] = pixel;
}
