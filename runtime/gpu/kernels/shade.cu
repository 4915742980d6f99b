// Samples to pixels: filtered texture colours, averaged over each pixel's samples, with coverage as alpha.
//
// What dinar.runtime.cpu.shade does, pixel by pixel. A pixel looks at most at four triangles; looks that lie close
// together on the texture, next to the pixel's size there, are merged into one.
#include "barycentric.cuh"

struct Face {  // FACE in prepare/surface.py
  int i, j, k, texture;
  float texel_area;  // its doubled area in the texture's texels
  float u0, v0, u1, v1, u2, v2;
};
static_assert(sizeof(Face) == 44, "FACE in prepare/surface.py");

struct Atlas {
  const unsigned* texels;
  const int* levels;  // [textures][level_count][3]: first texel, width, height
  int level_count;
};

struct Look {
  float u, v, area, share;  // area: of its share of the picture, a pixel, in texels
  int texture;
};

struct Colour {
  float red, green, blue;
};

static __forceinline__ __device__ void add_texel(float weight, unsigned texel, Colour* to) {
  to->red += weight * (float)(texel & 0xffu);
  to->green += weight * (float)(texel >> 8 & 0xffu);
  to->blue += weight * (float)(texel >> 16 & 0xffu);
}

static __forceinline__ __device__ void add_level(const Atlas& atlas, int texture, int level, float u, float v,
                                                 float share, Colour* to) {
  const int* entry = atlas.levels + 3 * (texture * atlas.level_count + level);
  const int first = entry[0], width = entry[1], height = entry[2];
  const TexelPair x = texel_pair(u, width), y = texel_pair(v, height);
  const float lower = y.part * share, upper = share - lower;
  add_texel((1.0f - x.part) * upper, atlas.texels[first + y.low * width + x.low], to);
  add_texel(x.part * upper, atlas.texels[first + y.low * width + x.high], to);
  add_texel((1.0f - x.part) * lower, atlas.texels[first + y.high * width + x.low], to);
  add_texel(x.part * lower, atlas.texels[first + y.high * width + x.high], to);
}

// Bilinear in two mip levels, linear between them, times the look's share of its pixel.
static __forceinline__ __device__ Colour filtered(const Atlas& atlas, const Look& look) {
  const float area = look.area > 1.0f ? look.area : 1.0f;
  const int bits = __float_as_int(area);  // log2, to 1e-4: the exponent, and a polynomial in the mantissa
  const float m = (float)(bits & 0x7fffff) * 1.1920928955078125e-7f;
  const float q = 0.4419170f + m * (-0.2671792f + m * (0.1484263f + m * -0.0451488f));
  const float lod = 0.5f * ((float)((bits >> 23) - 127) + m + m * (1.0f - m) * q);
  const int last = atlas.level_count - 1;
  const int level = min((int)lod, last);
  const float mix = fminf(lod - (float)level, 1.0f);
  Colour colour = {0.0f, 0.0f, 0.0f};
  add_level(atlas, look.texture, level, look.u, look.v, look.share * (1.0f - mix), &colour);
  if (mix > 0.0f) add_level(atlas, look.texture, min(level + 1, last), look.u, look.v, look.share * mix, &colour);
  return colour;
}

static __forceinline__ __device__ Look look_at(const Face& f, const float* homogeneous, float column, float row,
                                               float share, float samples) {
  const Barycentric b = barycentric_at(homogeneous, f.i, f.j, f.k, column, row);
  const float depth =
      b.b0 * homogeneous[3 * f.i + 2] + b.b1 * homogeneous[3 * f.j + 2] + b.b2 * homogeneous[3 * f.k + 2];
  // From samples to texels, areas grow by texel_area depth^3 / |det|; total is |det| / depth.
  const float area = f.texel_area * depth * depth / fmaxf(b.total, 1e-30f);
  return {b.b0 * f.u0 + b.b1 * f.u1 + b.b2 * f.u2, b.b0 * f.v0 + b.b1 * f.v1 + b.b2 * f.v2,
          samples * fminf(area, 1e9f), share, f.texture};
}

static __forceinline__ __device__ bool is_near(const Atlas& atlas, const Look& first, const Look& look) {
  const int* entry = atlas.levels + 3 * look.texture * atlas.level_count;
  const float across = (look.u - first.u) * (float)entry[1], down = (look.v - first.v) * (float)entry[2];
  return look.texture == first.texture && across * across + down * down <= 2.0f * first.area;
}

extern "C" __global__ void __launch_bounds__(128)
    shade(const Key* __restrict__ keys, int width, int height, int samples, int vertex_count,
          const float* __restrict__ homogeneous, const Face* __restrict__ faces,
          const unsigned* __restrict__ texels, const int* __restrict__ levels, int level_count,
          unsigned* __restrict__ rgba) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  const int view = blockIdx.z;
  if (x >= width || y >= height) return;
  const Atlas atlas = {texels, levels, level_count};
  const float* h = homogeneous + (long long)view * vertex_count * 3;
  const int side = samples == 1 ? 1 : 2;
  int seen[4];
  int covered = 0;
  for (int s = 0; s < samples; ++s) {
    const long long row = (long long)view * side * height + side * y + s / 2;
    seen[s] = triangle_of(keys[row * side * width + side * x + s % 2]);
    covered += seen[s] >= 0;
  }
  unsigned pixel = 0;
  if (covered > 0) {
    const float offset_x[4] = {0.75f, 1.75f, 0.25f, 1.25f}, offset_y[4] = {0.25f, 0.75f, 1.25f, 1.75f};
    Look first = {0.0f, 0.0f, 0.0f, 0.0f, -1};
    Colour colour = {0.5f, 0.5f, 0.5f};
    for (int s = 0; s < samples; ++s) {
      float mean_x = 0.0f, mean_y = 0.0f, same = 0.0f;
      bool looked = seen[s] < 0;
      for (int o = 0; o < samples; ++o) {
        if (seen[o] != seen[s]) continue;
        looked |= o < s;
        mean_x += samples == 1 ? 0.5f : offset_x[o];
        mean_y += samples == 1 ? 0.5f : offset_y[o];
        same += 1.0f;
      }
      if (looked) continue;  // another sample saw it first
      const Look look = look_at(faces[seen[s]], h, (float)(side * x) + mean_x / same,
                                (float)(side * y) + mean_y / same, same / (float)covered, (float)samples);
      if (first.texture < 0) {
        first = look;
      } else if (is_near(atlas, first, look)) {
        first.share += look.share;
        const float part = look.share / first.share;
        first.u += (look.u - first.u) * part;
        first.v += (look.v - first.v) * part;
        first.area += (look.area - first.area) * part;
      } else {
        const Colour more = filtered(atlas, look);
        colour.red += more.red, colour.green += more.green, colour.blue += more.blue;
      }
    }
    const Colour more = filtered(atlas, first);
    colour.red += more.red, colour.green += more.green, colour.blue += more.blue;
    const unsigned alpha = samples == 1 ? 255u : (255u * covered + 2u) / 4u;
    pixel = (unsigned)colour.red | (unsigned)colour.green << 8 | (unsigned)colour.blue << 16 | alpha << 24;
  }
  rgba[((long long)view * height + y) * width + x] = pixel;
}
