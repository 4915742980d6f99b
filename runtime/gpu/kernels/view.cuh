// A camera, and what pixels see: shared by all kernels.
#pragma once

struct View {         // VIEW in upload.py
  double matrix[12];  // row-major 3 x 4: world metres => homogeneous samples
  int left, top;      // first column and row of the crop, pixels
};
static_assert(sizeof(View) == 104, "VIEW in upload.py");

typedef unsigned long long Key;  // bits of the inverse depth above those of ~triangle; 0: nothing is seen

static __forceinline__ __device__ Key make_key(float inverse_depth, int triangle) {
  return (Key)__float_as_uint(inverse_depth) << 32 | (unsigned)~triangle;
}
static __forceinline__ __device__ int triangle_of(Key key) { return ~(int)(unsigned)key; }  // -1 for none
