// The visibility buffer: which triangle is nearest at each sample (formulas: dinar.runtime.cpu.rasterize).
//
// One thread sets a face up and fills it, unless it may cover many samples: such pieces wait in a queue, and all
// threads of the second kernel share each one's samples.
#include "fixed.cuh"

struct Piece {  // PIECE_BYTES in raster.py
  int x0, y0, x1, y1, x2, y2;        // 24.8 fixed point, corners ordered so that the doubled area is positive
  float w0, w1, w2;                  // inverse depth, 1 / metre
  int column_first, column_last, row_first, row_last;
  int triangle;
};
static_assert(sizeof(Piece) == 56, "PIECE_BYTES in raster.py");

struct Target {
  int width, height, rotation;
  Key* keys;
};

#define NARROW (1 << 14)  // 1/256 samples a side: edge functions of narrower pieces fit in 32 bits
#define LARGE_SAMPLES 512 // a thread alone would keep its warp waiting longer than a queue costs

static __forceinline__ __device__ long long min3(long long a, long long b, long long c) { return min(min(a, b), c); }
static __forceinline__ __device__ long long max3(long long a, long long b, long long c) { return max(max(a, b), c); }

// Orders the corners and finds the samples that may be covered; false if there are none.
static __forceinline__ __device__ bool make_piece(const long long* X, const long long* Y, const float* w, int triangle,
                                                  bool cull, const Target& target, Piece* piece) {
  long long x0 = X[0], y0 = Y[0], x1 = X[1], y1 = Y[1], x2 = X[2], y2 = Y[2];
  float w1 = w[1], w2 = w[2];
  const long long area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  if (area == 0 || (area > 0 && cull)) return false;
  if (area < 0) {
    long long t = x1; x1 = x2; x2 = t;
    t = y1; y1 = y2; y2 = t;
    const float u = w1; w1 = w2; w2 = u;
  }
  const int r = target.rotation;
  const long long row_first = max((min3(y0, y1, y2) + 127 - r) >> 8, 0LL);
  const long long row_last = min((max3(y0, y1, y2) - 128 + r) >> 8, (long long)target.height - 1);
  const long long column_first = max((min3(x0, x1, x2) + 127 - r) >> 8, 0LL);
  const long long column_last = min((max3(x0, x1, x2) - 128 + r) >> 8, (long long)target.width - 1);
  if (row_first > row_last || column_first > column_last) return false;
  *piece = {(int)x0, (int)y0, (int)x1, (int)y1, (int)x2, (int)y2, w[0], w1, w2,
            (int)column_first, (int)column_last, (int)row_first, (int)row_last, triangle};
  return true;
}

static __forceinline__ __device__ int bias(long long A, long long B) { return A > 0 || (A == 0 && B > 0) ? 0 : -1; }

static __forceinline__ __device__ void put(Key* at, float w, int triangle) {
  if (!(w > 0.0f)) return;
  const Key key = make_key(w, triangle);
  if (key > *at) atomicMax(at, key);  // reading first: most of what is hidden costs no atomic
}

// Fills samples (column, row) of a piece with column = first + k step: Edge is int or long long.
template <typename Edge>
struct Filler {
  Edge A0, A1, A2, B0, B1, B2, bias0, bias1, bias2;
  float k0, k1, k2;

  __forceinline__ __device__ explicit Filler(const Piece& p) {
    A0 = (Edge)p.y1 - p.y2, A1 = (Edge)p.y2 - p.y0, A2 = (Edge)p.y0 - p.y1;
    B0 = (Edge)p.x2 - p.x1, B1 = (Edge)p.x0 - p.x2, B2 = (Edge)p.x1 - p.x0;
    bias0 = bias(A0, B0), bias1 = bias(A1, B1), bias2 = bias(A2, B2);
    const float per_area = 1.0f / (float)((long long)A1 * B2 - (long long)A2 * B1);
    k0 = p.w0 * per_area, k1 = p.w1 * per_area, k2 = p.w2 * per_area;
  }

  __forceinline__ __device__ void sample(const Piece& p, const Target& target, int column, int row) const {
    const int r = target.rotation;
    const Edge X = 256 * column + 128 + (row & 1 ? -r : r), Y = 256 * row + 128 + (column & 1 ? r : -r);
    const Edge e0 = A0 * (X - p.x1) + B0 * (Y - p.y1);
    const Edge e1 = A1 * (X - p.x2) + B1 * (Y - p.y2);
    const Edge e2 = A2 * (X - p.x0) + B2 * (Y - p.y0);
    if (((e0 + bias0) | (e1 + bias1) | (e2 + bias2)) < 0) return;
    const float w = ((float)e0 * k0 + (float)e1 * k1) + (float)e2 * k2;
    put(target.keys + (long long)row * target.width + column, w, p.triangle);
  }

  __forceinline__ __device__ void all(const Piece& p, const Target& target, int first, int step) const {
    const int columns = p.column_last - p.column_first + 1;
    const int count = columns * (p.row_last - p.row_first + 1);
    for (int i = first; i < count; i += step) {
      sample(p, target, p.column_first + i % columns, p.row_first + i / columns);
    }
  }
};

static __forceinline__ __device__ bool is_narrow(const Piece& p) {
  return max3(p.x0, p.x1, p.x2) - min3(p.x0, p.x1, p.x2) <= NARROW &&
         max3(p.y0, p.y1, p.y2) - min3(p.y0, p.y1, p.y2) <= NARROW;
}

static __forceinline__ __device__ void fill(const Piece& p, const Target& target, int first, int step) {
  if (is_narrow(p)) {
    Filler<int>(p).all(p, target, first, step);
  } else {
    Filler<long long>(p).all(p, target, first, step);
  }
}

struct Queue {
  Piece* pieces;
  int* count;
  int capacity;
};

static __forceinline__ __device__ void fill_or_queue(const Piece& p, const Target& target, const Queue& queue) {
  const long long samples =
      (long long)(p.column_last - p.column_first + 1) * (p.row_last - p.row_first + 1);
  if (samples > LARGE_SAMPLES) {
    const int slot = atomicAdd(queue.count, 1);
    if (slot < queue.capacity) {
      queue.pieces[slot] = p;
      return;
    }
  }
  fill(p, target, 0, 1);
}

struct Corner {
  double v[3];
};

static __device__ double plane_distance(const Corner& c, int plane) {
  if (plane == 0) return c.v[2] - NEAR_M;
  if (plane == 1) return c.v[0] + GUARD * c.v[2];
  if (plane == 2) return GUARD * c.v[2] - c.v[0];
  if (plane == 3) return c.v[1] + GUARD * c.v[2];
  return GUARD * c.v[2] - c.v[1];
}

static __device__ Corner cut(const Corner& inside, const Corner& out, double d_inside, double d_out) {
  Corner at;
  const double share = d_inside / (d_inside - d_out);
  for (int i = 0; i < 3; ++i) at.v[i] = inside.v[i] + share * (out.v[i] - inside.v[i]);
  return at;
}

// Clips a triangle (Sutherland and Hodgman 1974) and fills the fan of pieces that is left. Rare, so apart.
static __noinline__ __device__ void clip_and_fill(const float* homogeneous, const int* face, int triangle, bool cull,
                                                  const Target& target, const Queue& queue) {
  Corner polygon[8], kept[8];
  int count = 3;
  for (int i = 0; i < 3; ++i)
    for (int c = 0; c < 3; ++c) polygon[i].v[c] = homogeneous[3 * face[i] + c];
  for (int plane = 0; plane < 5; ++plane) {
    int n = 0;
    for (int i = 0; i < count; ++i) {
      const Corner here = polygon[i], there = polygon[(i + 1) % count];
      const double d_here = plane_distance(here, plane), d_there = plane_distance(there, plane);
      if (d_here >= 0) kept[n++] = here;
      if (d_here >= 0 && d_there < 0) {
        kept[n++] = cut(here, there, d_here, d_there);
      } else if (d_here < 0 && d_there >= 0) {
        kept[n++] = cut(there, here, d_there, d_here);
      }
    }
    count = n;
    for (int i = 0; i < n; ++i) polygon[i] = kept[i];
  }
  for (int i = 1; i < count - 1; ++i) {
    const int corners[3] = {0, i, i + 1};
    long long X[3], Y[3];
    float w[3];
    for (int k = 0; k < 3; ++k) {
      const double* v = polygon[corners[k]].v;
      X[k] = snap(v[0] / v[2]), Y[k] = snap(v[1] / v[2]), w[k] = (float)(1.0 / v[2]);
    }
    Piece piece;
    if (make_piece(X, Y, w, triangle, cull, target, &piece)) fill_or_queue(piece, target, queue);
  }
}

extern "C" __global__ void __launch_bounds__(128)
    fill_triangles(int face_count, const int* __restrict__ faces, const unsigned char* __restrict__ cull,
                   int vertex_count, const float* __restrict__ homogeneous, const int* __restrict__ window,
                   const float* __restrict__ inverse_depth, const unsigned char* __restrict__ outside, int width,
                   int height, int rotation, Key* keys, Piece* large, int* large_count, int capacity) {
  const int triangle = blockIdx.x * blockDim.x + threadIdx.x, view = blockIdx.y;
  if (triangle >= face_count) return;
  const long long first = (long long)view * vertex_count;
  const Target target = {width, height, rotation, keys + (long long)view * height * width};
  const Queue queue = {large + (long long)view * capacity, large_count + view, capacity};
  const int* face = faces + 3 * triangle;
  const unsigned char* out = outside + first;
  const int a = face[0], b = face[1], c = face[2];
  const int out_any = out[a] | out[b] | out[c];
  if (out_any != 0) {
    if ((out[a] & out[b] & out[c]) == 0 && (out_any & NOT_FINITE) == 0)
      clip_and_fill(homogeneous + 3 * first, face, triangle, cull[triangle], target, queue);
    return;
  }
  const int* at = window + 2 * first;
  const long long X[3] = {at[2 * a], at[2 * b], at[2 * c]}, Y[3] = {at[2 * a + 1], at[2 * b + 1], at[2 * c + 1]};
  const float w[3] = {inverse_depth[first + a], inverse_depth[first + b], inverse_depth[first + c]};
  Piece piece;
  if (make_piece(X, Y, w, triangle, cull[triangle], target, &piece)) fill_or_queue(piece, target, queue);
}

extern "C" __global__ void __launch_bounds__(128)
    fill_large(const Piece* __restrict__ large, const int* __restrict__ large_count, int capacity, int width,
               int height, int rotation, Key* keys) {
  const int view = blockIdx.y, count = min(large_count[view], capacity);
  const Target target = {width, height, rotation, keys + (long long)view * height * width};
  const int thread = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
  for (int i = 0; i < count; ++i) fill(large[(long long)view * capacity + i], target, thread, threads);
}
