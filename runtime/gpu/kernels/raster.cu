// The visibility buffer: which triangle is nearest at each sample (formulas: dinar.runtime.cpu.rasterize).
//
// One thread sets a face up and fills it, if that takes few samples. Larger pieces wait in a queue, cut into slices
// of rows, and a second kernel gives each slice to a team of threads.
#include "fixed.cuh"

struct __align__(8) Piece {  // PIECE_BYTES in raster.py
  int x0, y0, x1, y1, x2, y2;  // 24.8 fixed point, corners ordered so that the doubled area is positive
  float w0, w1, w2;            // inverse depth, 1 / metre
  int column_first, column_last, row_first, row_last;
  int triangle;
};
static_assert(sizeof(Piece) == 56, "PIECE_BYTES in raster.py");

struct Target {
  int width, height, rotation;
  Key* keys;
};

struct Queue {
  Piece* pieces;
  int* count;  // also counts what found no room
  int capacity;
};

// 1/256 samples a side: edge functions of narrower pieces, 3072 beyond them too, stay below 2^31.
#define NARROW (1 << 14)
// A thread takes about 50 cycles a sample, and its warp waits for it; a slot in the queue costs about as much as 100.
#define LARGE_SAMPLES 128
// A team is a warp: its 8 columns by 4 rows of keys are 4 times 64 bytes side by side.
#define TEAM_COLUMNS 8
#define TEAM_ROWS 4
#define TEAM (TEAM_COLUMNS * TEAM_ROWS)
// A team fills a slice in microseconds; the thread that cuts a piece into slices takes no longer than that either.
#define SLICE_SAMPLES 2048
#define MOST_SLICES 128

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

static __forceinline__ __device__ int columns_of(const Piece& p) { return p.column_last - p.column_first + 1; }
static __forceinline__ __device__ int rows_of(const Piece& p) { return p.row_last - p.row_first + 1; }

static __forceinline__ __device__ bool is_narrow(const Piece& p) {
  return max3(p.x0, p.x1, p.x2) - min3(p.x0, p.x1, p.x2) <= NARROW &&
         max3(p.y0, p.y1, p.y2) - min3(p.y0, p.y1, p.y2) <= NARROW;
}

// 0 for a left or a top edge, which owns the samples on it, and -1 for the others.
static __forceinline__ __device__ int bias(long long A, long long B) { return A > 0 || (A == 0 && B > 0) ? 0 : -1; }

static __forceinline__ __device__ void put(Key* at, float w, int triangle) {
  if (!(w > 0.0f)) return;
  const Key key = make_key(w, triangle);
  if (key > *at) atomicMax(at, key);  // reading first: most of what is hidden costs no atomic
}

// Fills every columns-th column and rows-th row of a piece from (column, row) on, with integers that hold its edges.
template <typename Edge>
static __forceinline__ __device__ void fill(const Piece& p, const Target& target, int column, int row, int columns,
                                            int rows) {
  const Edge A0 = (Edge)p.y1 - p.y2, A1 = (Edge)p.y2 - p.y0, A2 = (Edge)p.y0 - p.y1;  // change per 1/256 column
  const Edge B0 = (Edge)p.x2 - p.x1, B1 = (Edge)p.x0 - p.x2, B2 = (Edge)p.x1 - p.x0;  // and per 1/256 row
  const int bias0 = bias(A0, B0), bias1 = bias(A1, B1), bias2 = bias(A2, B2);
  const float per_area = 1.0f / (float)((long long)A1 * B2 - (long long)A2 * B1);
  const float k0 = p.w0 * per_area, k1 = p.w1 * per_area, k2 = p.w2 * per_area;
  const Edge step = 256 * columns, turn = 2 * target.rotation;  // from an even column's samples down to an odd one's
  for (int y = p.row_first + row; y <= p.row_last; y += rows) {
    const Edge X = 256 * (p.column_first + column) + 128 + (y & 1 ? -target.rotation : target.rotation);
    const Edge Y = 256 * y + 128 - target.rotation;
    Edge e0 = A0 * (X - p.x1) + B0 * (Y - p.y1) + bias0;
    Edge e1 = A1 * (X - p.x2) + B1 * (Y - p.y2) + bias1;
    Edge e2 = A2 * (X - p.x0) + B2 * (Y - p.y0) + bias2;
    Key* line = target.keys + (long long)y * target.width;
#pragma unroll 1  // short loops, in which registers count
    for (int x = p.column_first + column; x <= p.column_last; x += columns) {
      const Edge odd = -(Edge)(x & 1);  // all bits set, or none
      const Edge at0 = e0 + (odd & turn * B0), at1 = e1 + (odd & turn * B1), at2 = e2 + (odd & turn * B2);
      if ((at0 | at1 | at2) >= 0)
        put(line + x, ((float)(at0 - bias0) * k0 + (float)(at1 - bias1) * k1) + (float)(at2 - bias2) * k2, p.triangle);
      e0 += step * A0, e1 += step * A1, e2 += step * A2;
    }
  }
}

static __forceinline__ __device__ void fill_any(const Piece& p, const Target& target, int column, int row, int columns,
                                                int rows) {
  if (is_narrow(p)) {
    fill<int>(p, target, column, row, columns, rows);
  } else {
    fill<long long>(p, target, column, row, columns, rows);
  }
}

// Puts a piece into the queue, and fills what finds no room there. By value, so that the caller's stays in registers.
static __noinline__ __device__ void fill_later(Piece p, Target target, Queue queue) {
  const int wanted = min((columns_of(p) * rows_of(p) + SLICE_SAMPLES - 1) / SLICE_SAMPLES, MOST_SLICES);
  const int height = (rows_of(p) + wanted - 1) / wanted;  // rows of a slice
  const int slices = (rows_of(p) + height - 1) / height, slot = atomicAdd(queue.count, slices);
  const int end = p.row_last;
#pragma unroll 1
  for (int i = 0; i < slices; ++i, p.row_first += height) {
    p.row_last = min(p.row_first + height - 1, end);
    if (slot + i < queue.capacity) {
      queue.pieces[slot + i] = p;
    } else {
      fill_any(p, target, 0, 0, 1, 1);
    }
  }
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

// Clips a triangle (Sutherland and Hodgman 1974) and queues the fan of pieces that is left. Rare, so apart.
static __noinline__ __device__ void clip_and_queue(const float* homogeneous, const int* face, int triangle, bool cull,
                                                   const Target& target, const Queue& queue) {
  Corner polygon[8], kept[8];
  int count = 3;
  for (int i = 0; i < 3; ++i)
    for (int c = 0; c < 3; ++c) polygon[i].v[c] = homogeneous[3 * face[i] + c];
#pragma unroll 1
  for (int plane = 0; plane < 5; ++plane) {
    int n = 0;
#pragma unroll 1
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
#pragma unroll 1
    for (int i = 0; i < n; ++i) polygon[i] = kept[i];
  }
#pragma unroll 1
  for (int i = 1; i < count - 1; ++i) {
    const int corners[3] = {0, i, i + 1};
    long long X[3], Y[3];
    float w[3];
    for (int k = 0; k < 3; ++k) {
      const double* v = polygon[corners[k]].v;
      X[k] = snap(v[0] / v[2]), Y[k] = snap(v[1] / v[2]), w[k] = (float)(1.0 / v[2]);
    }
    Piece piece;
    if (make_piece(X, Y, w, triangle, cull, target, &piece)) fill_later(piece, target, queue);
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
      clip_and_queue(homogeneous + 3 * first, face, triangle, cull[triangle], target, queue);
    return;
  }
  const int2 *at = (const int2*)window + first, p = at[a], q = at[b], r = at[c];
  const long long X[3] = {p.x, q.x, r.x}, Y[3] = {p.y, q.y, r.y};
  const float w[3] = {inverse_depth[first + a], inverse_depth[first + b], inverse_depth[first + c]};
  Piece piece;
  if (!make_piece(X, Y, w, triangle, cull[triangle], target, &piece)) return;
  if (columns_of(piece) * rows_of(piece) <= LARGE_SAMPLES && is_narrow(piece)) {
    fill<int>(piece, target, 0, 0, 1, 1);
  } else {
    fill_later(piece, target, queue);
  }
}

extern "C" __global__ void __launch_bounds__(128)
    fill_large(const Piece* __restrict__ large, const int* __restrict__ large_count, int capacity, int width,
               int height, int rotation, Key* keys) {
  const int view = blockIdx.y, count = min(large_count[view], capacity);
  const Target target = {width, height, rotation, keys + (long long)view * height * width};
  const int thread = blockIdx.x * blockDim.x + threadIdx.x, teams = gridDim.x * blockDim.x / TEAM;
  const int column = thread % TEAM_COLUMNS, row = thread / TEAM_COLUMNS % TEAM_ROWS;
  for (int i = thread / TEAM; i < count; i += teams)
    fill_any(large[(long long)view * capacity + i], target, column, row, TEAM_COLUMNS, TEAM_ROWS);
}
