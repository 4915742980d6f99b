// The network's input: the texture's channels where the bare body is seen, fp16 with 24 channels side by side.
#include "barycentric.cuh"

#define CHANNELS 22
#define PADDED 24
#define TEXEL 32  // bytes of a texel
#define RED 16

struct Corners {  // CORNERS in prepare/neural_texture.py
  int i, j, k;
  float u0, v0, u1, v1, u2, v2;
};
static_assert(sizeof(Corners) == 36, "CORNERS in prepare/neural_texture.py");

static __forceinline__ __device__ unsigned short half_bits(float value) {
#ifdef __CUDACC_RTC__
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
#else
  const _Float16 half = (_Float16)value;
  unsigned short bits;
  memcpy(&bits, &half, 2);
  return bits;
#endif
}

struct Around {
  long long t00, t01, t10, t11;  // texels
  float w00, w01, w10, w11;
};

static __forceinline__ __device__ Around around(float u, float v, int height, int width) {
  const TexelPair x = texel_pair(u, width), y = texel_pair(v, height);
  const long long top = (long long)y.low * width, bottom = (long long)y.high * width;
  return {top + x.low, top + x.high, bottom + x.low, bottom + x.high,
          (1.0f - x.part) * (1.0f - y.part), x.part * (1.0f - y.part), (1.0f - x.part) * y.part, x.part * y.part};
}

static __forceinline__ __device__ float mixed(const Around& a, float t00, float t01, float t10, float t11) {
  const float upper = t00 * a.w00 + t01 * a.w01, lower = t10 * a.w10 + t11 * a.w11;
  return floorf(upper + lower + 0.5f);  // the byte that the CPU's sampler writes
}

static __forceinline__ __device__ unsigned byte_of(const uint4& word, int at) {
  const unsigned part = at < 4 ? word.x : at < 8 ? word.y : at < 12 ? word.z : word.w;
  return part >> 8 * (at & 3) & 255u;
}

extern "C" __global__ void __launch_bounds__(128)
    sample_channels(const View* __restrict__ views, const Key* __restrict__ keys, int width, int height,
                    int vertex_count, const float* __restrict__ homogeneous, const Corners* __restrict__ faces,
                    const unsigned char* __restrict__ texels, int texture_height, int texture_width,
                    const unsigned char* __restrict__ rgb, int rgb_height, int rgb_width, int crop_height,
                    int crop_width, unsigned short* __restrict__ out) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  const int view = blockIdx.z;
  if (x >= crop_width || y >= crop_height) return;
  const int column = views[view].left + x, row = views[view].top + y;
  const bool inside = column < width && row < height;
  const int t = inside ? triangle_of(keys[((long long)view * height + row) * width + column]) : -1;
  uint4* target = (uint4*)(out + (((long long)view * crop_height + y) * crop_width + x) * PADDED);
  if (t < 0) {
    for (int i = 0; i < 3; ++i) target[i] = make_uint4(0, 0, 0, 0);
    return;
  }
  const Corners f = faces[t];
  const Barycentric b = barycentric_at(homogeneous + (long long)view * vertex_count * 3, f.i, f.j, f.k,
                                       (float)column + 0.5f, (float)row + 0.5f);
  const float u = b.b0 * f.u0 + b.b1 * f.u1 + b.b2 * f.u2, v = b.b0 * f.v0 + b.b1 * f.v1 + b.b2 * f.v2;
  const Around a = around(u, v, texture_height, texture_width);
  const uint4* texture = (const uint4*)texels;
  float value[PADDED];
  value[22] = value[23] = 0.0f;
  for (int part = 0; part < 2; ++part) {
    const uint4 t00 = texture[2 * a.t00 + part], t01 = texture[2 * a.t01 + part];
    const uint4 t10 = texture[2 * a.t10 + part], t11 = texture[2 * a.t11 + part];
#pragma unroll
    for (int c = 0; c < 16; ++c) {
      const int channel = 16 * part + c;
      if (channel < CHANNELS)
        value[channel] = mixed(a, (float)byte_of(t00, c), (float)byte_of(t01, c), (float)byte_of(t10, c),
                               (float)byte_of(t11, c));
    }
  }
  if (rgb != nullptr) {
    const Around r = around(u, v, rgb_height, rgb_width);
    for (int c = 0; c < 3; ++c)
      value[RED + c] = mixed(r, (float)rgb[4 * r.t00 + c], (float)rgb[4 * r.t01 + c], (float)rgb[4 * r.t10 + c],
                             (float)rgb[4 * r.t11 + c]);
  }
  const float per_byte = 1.0f / 255.0f;
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    unsigned word[4];
    for (int k = 0; k < 4; ++k) {
      const int c = 8 * i + 2 * k;
      // Of all 256 bytes, times 1 / 255 and over 255 give the same fp16.
      word[k] = half_bits(value[c] * per_byte) | (unsigned)half_bits(value[c + 1] * per_byte) << 16;
    }
    target[i] = make_uint4(word[0], word[1], word[2], word[3]);
  }
}
