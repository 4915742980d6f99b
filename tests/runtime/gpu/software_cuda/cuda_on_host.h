// CUDA C++ as host C++: what the kernels in runtime/gpu/kernels use, so that g++ compiles the same source.
//
// Included before a kernel file by `host_kernels.py`, which also writes one launcher for each kernel:
//
//     extern "C" void dinar_launch_NAME(const unsigned grid[3], const unsigned block[3], void** arguments);
//     extern "C" const char* dinar_parameters_NAME();     // one letter a parameter, see `letter`
//     extern "C" unsigned dinar_bound_NAME();             // threads of a block, at most
//
// The threads of a block run one after another, blocks run on a few host threads at once; so atomics are real,
// and there is neither __shared__ nor __syncthreads nor any warp intrinsic: what uses them does not compile.

#pragma once

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) alignas(n)

// --- Vector types, aligned as CUDA's ------------------------------------------------------------------------

struct uint3 {
  unsigned x, y, z;
};
using dim3 = uint3;

#define DINAR_VECTORS(T, NAME, ALIGN2, ALIGN4)                      \
  struct alignas(ALIGN2) NAME##2 { T x, y; };                       \
  struct alignas(ALIGN4) NAME##4 { T x, y, z, w; };                 \
  static inline NAME##2 make_##NAME##2(T x, T y) { return {x, y}; } \
  static inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }
DINAR_VECTORS(signed char, char, 2, 4)
DINAR_VECTORS(unsigned char, uchar, 2, 4)
DINAR_VECTORS(short, short, 4, 8)
DINAR_VECTORS(unsigned short, ushort, 4, 8)
DINAR_VECTORS(int, int, 8, 16)
DINAR_VECTORS(unsigned, uint, 8, 16)
DINAR_VECTORS(float, float, 8, 16)
DINAR_VECTORS(double, double, 16, 16)
#undef DINAR_VECTORS

struct float3 {
  float x, y, z;
};
struct double3 {
  double x, y, z;
};
struct int3 {
  int x, y, z;
};
static inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }
static inline double3 make_double3(double x, double y, double z) { return {x, y, z}; }
static inline int3 make_int3(int x, int y, int z) { return {x, y, z}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }

// --- Where a thread is --------------------------------------------------------------------------------------

static thread_local uint3 threadIdx, blockIdx;
static thread_local dim3 blockDim, gridDim;

// --- Bits, conversions, rounding ----------------------------------------------------------------------------

template <class To, class From>
static inline To dinar_bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &value, sizeof to);
  return to;
}
static inline int __float_as_int(float v) { return dinar_bits<int>(v); }
static inline unsigned __float_as_uint(float v) { return dinar_bits<unsigned>(v); }
static inline float __int_as_float(int v) { return dinar_bits<float>(v); }
static inline float __uint_as_float(unsigned v) { return dinar_bits<float>(v); }
static inline long long __double_as_longlong(double v) { return dinar_bits<long long>(v); }
static inline double __longlong_as_double(long long v) { return dinar_bits<double>(v); }

// Conversions saturate, as the device's do; NaN becomes `nan`.
template <class To, class From>
static inline To dinar_saturate(From whole, To nan) {
  if (whole != whole) return nan;
  if (whole <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (whole >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(whole);
}
static inline int __float2int_rn(float v) { return dinar_saturate<int>(std::nearbyintf(v), 0); }
static inline int __float2int_rd(float v) { return dinar_saturate<int>(std::floor(v), 0); }
static inline int __float2int_ru(float v) { return dinar_saturate<int>(std::ceil(v), 0); }
static inline int __float2int_rz(float v) { return dinar_saturate<int>(std::trunc(v), 0); }
static inline unsigned __float2uint_rn(float v) { return dinar_saturate<unsigned>(std::nearbyintf(v), 0u); }
static inline unsigned __float2uint_rz(float v) { return dinar_saturate<unsigned>(std::trunc(v), 0u); }
static inline int __double2int_rn(double v) { return dinar_saturate<int>(std::nearbyint(v), INT_MIN); }
static inline int __double2int_rd(double v) { return dinar_saturate<int>(std::floor(v), INT_MIN); }
static inline int __double2int_ru(double v) { return dinar_saturate<int>(std::ceil(v), INT_MIN); }
static inline int __double2int_rz(double v) { return dinar_saturate<int>(std::trunc(v), INT_MIN); }
static inline long long __double2ll_rn(double v) {
  return dinar_saturate<long long>(std::nearbyint(v), LLONG_MIN);
}
static inline long long __double2ll_rd(double v) {
  return dinar_saturate<long long>(std::floor(v), LLONG_MIN);
}
static inline long long __double2ll_rz(double v) {
  return dinar_saturate<long long>(std::trunc(v), LLONG_MIN);
}
static inline float __int2float_rn(int v) { return static_cast<float>(v); }
static inline float __uint2float_rn(unsigned v) { return static_cast<float>(v); }
static inline float __double2float_rn(double v) { return static_cast<float>(v); }

static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return std::fmaf(a, b, c); }
static inline float __frcp_rn(float a) { return 1 / a; }
static inline float __fsqrt_rn(float a) { return std::sqrt(a); }
static inline float __fdividef(float a, float b) { return a / b; }
#define __expf(a) std::exp(static_cast<float>(a))  // the C library has a function of this name
static inline float __saturatef(float a) { return a > 0 ? (a < 1 ? a : 1) : 0; }
static inline float rsqrtf(float a) { return 1 / std::sqrt(a); }
static inline float __frsqrt_rn(float a) { return 1 / std::sqrt(a); }
static inline double rsqrt(double a) { return 1 / std::sqrt(a); }

static inline int __clz(int v) { return v ? __builtin_clz(static_cast<unsigned>(v)) : 32; }
static inline int __clzll(long long v) {
  return v ? __builtin_clzll(static_cast<unsigned long long>(v)) : 64;
}
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __mulhi(int a, int b) { return static_cast<int>((static_cast<long long>(a) * b) >> 32); }
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}

template <class T>
static inline T __ldg(const T* address) {
  return *address;
}

// min and max of floats: the number when one of both is NaN, as the device's.
#define DINAR_MIN_MAX(T)                                  \
  static inline T min(T a, T b) { return b < a ? b : a; } \
  static inline T max(T a, T b) { return a < b ? b : a; }
DINAR_MIN_MAX(int)
DINAR_MIN_MAX(unsigned)
DINAR_MIN_MAX(long long)
DINAR_MIN_MAX(unsigned long long)
#undef DINAR_MIN_MAX
static inline float min(float a, float b) { return std::fmin(a, b); }
static inline float max(float a, float b) { return std::fmax(a, b); }
static inline double min(double a, double b) { return std::fmin(a, b); }
static inline double max(double a, double b) { return std::fmax(a, b); }

// --- Atomics: they return the old value ---------------------------------------------------------------------

template <class T, class Change>
static inline T dinar_atomic(T* address, Change change) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(address, &old, change(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
#define DINAR_ATOMICS(T)                                                                      \
  static inline T atomicMax(T* p, T v) {                                                      \
    return dinar_atomic(p, [v](T old) { return old < v ? v : old; });                         \
  }                                                                                           \
  static inline T atomicMin(T* p, T v) {                                                      \
    return dinar_atomic(p, [v](T old) { return v < old ? v : old; });                         \
  }                                                                                           \
  static inline T atomicAdd(T* p, T v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); } \
  static inline T atomicOr(T* p, T v) { return __atomic_fetch_or(p, v, __ATOMIC_RELAXED); }   \
  static inline T atomicExch(T* p, T v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }
DINAR_ATOMICS(int)
DINAR_ATOMICS(unsigned)
DINAR_ATOMICS(unsigned long long)
#undef DINAR_ATOMICS

// --- Launching ----------------------------------------------------------------------------------------------

namespace dinar_host {

// One letter for a parameter: p pointer, i 32-bit integer, l 64-bit integer, f float, d double.
template <class T>
constexpr char letter() {
  static_assert(std::is_pointer_v<T> || std::is_arithmetic_v<T>, "a kernel takes pointers and scalars alone");
  if constexpr (std::is_pointer_v<T>) return 'p';
  else if constexpr (std::is_same_v<T, float>) return 'f';
  else if constexpr (std::is_same_v<T, double>) return 'd';
  else {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "integers of a kernel have 32 or 64 bits");
    return sizeof(T) == 4 ? 'i' : 'l';
  }
}

template <class... Parameters>
const char* parameters(void (*)(Parameters...)) {
  static const char letters[] = {letter<Parameters>()..., 0};
  return letters;
}

inline unsigned workers(unsigned long long threads) {
  constexpr unsigned long long WORTH_A_THREAD = 4096;
  const unsigned cores = std::max(1u, std::min(4u, std::thread::hardware_concurrency()));
  return threads < 2 * WORTH_A_THREAD ? 1 : cores;
}

template <class... Parameters, std::size_t... I>
void launch(void (*kernel)(Parameters...), const unsigned grid[3], const unsigned block[3], void** arguments,
            std::index_sequence<I...>) {
  const std::tuple<Parameters...> copies{*static_cast<Parameters*>(arguments[I])...};
  const unsigned long long blocks = 1ull * grid[0] * grid[1] * grid[2];
  std::atomic<unsigned long long> next{0};
  const auto work = [&] {
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (unsigned long long b; (b = next.fetch_add(1)) < blocks;) {
      blockIdx = {unsigned(b % grid[0]), unsigned(b / grid[0] % grid[1]), unsigned(b / grid[0] / grid[1])};
      for (unsigned z = 0; z < block[2]; ++z)
        for (unsigned y = 0; y < block[1]; ++y)
          for (unsigned x = 0; x < block[0]; ++x) {
            threadIdx = {x, y, z};
            kernel(std::get<I>(copies)...);
          }
    }
  };
  std::vector<std::thread> others;
  for (unsigned w = 1; w < workers(blocks * block[0] * block[1] * block[2]); ++w) others.emplace_back(work);
  work();
  for (auto& other : others) other.join();
}

}  // namespace dinar_host

#define DINAR_LAUNCHER(NAME, BOUND)                                                                    \
  extern "C" const char* dinar_parameters_##NAME() { return dinar_host::parameters(NAME); }            \
  extern "C" unsigned dinar_bound_##NAME() { return BOUND; }                                           \
  template <class... Parameters>                                                                       \
  static void dinar_spread_##NAME(void (*kernel)(Parameters...), const unsigned* grid,                 \
                                  const unsigned* block, void** arguments) {                           \
    dinar_host::launch(kernel, grid, block, arguments, std::index_sequence_for<Parameters...>{});      \
  }                                                                                                    \
  extern "C" void dinar_launch_##NAME(const unsigned* grid, const unsigned* block, void** arguments) { \
    dinar_spread_##NAME(NAME, grid, block, arguments);                                                 \
  }
