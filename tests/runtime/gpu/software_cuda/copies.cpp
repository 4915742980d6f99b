// Copies and fills.

#include <algorithm>
#include <cstring>

#include "driver.h"

using Kind = Allocation::Kind;

enum class Side { any, device, host };  // what a call says of an address

struct Span {
  Address address;
  std::size_t size;
  Side side;
};

static bool pageable(Address address) { return !find_allocation(address) && !within_arena(address); }

static bool usable(const Span& span) {
  if (span.address == 0) return false;
  const Allocation* found = find_allocation(span.address);
  if (!found) return span.side != Side::device && !within_arena(span.address);
  const bool on_device = found->kind == Kind::device || found->kind == Kind::mapped;
  if (span.side == Side::host && on_device) return false;
  return !found->freeing && span.size <= found->base + found->size - span.address;
}

static Result copy(Span to, Span from, void* stream_handle, bool synchronous) {
  if (synchronous)
    if (const Result error = unsafe_during_capture()) return error;
  const auto stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  if (to.size == 0) return SUCCESS;
  if (!usable(to) || !usable(from)) return INVALID_VALUE;
  const bool paged = pageable(to.address) || pageable(from.address);
  if (stream->capture && paged) {  // would be copied from or to wherever the array lies at replay
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  Operation operation{Operation::Kind::copy, "copy " + std::to_string(to.size), [to, from]() -> Result {
                        if (!usable(to) || !usable(from)) return ILLEGAL_ADDRESS;
                        std::memmove(bytes_at(to.address), bytes_at(from.address), to.size);
                        return SUCCESS;
                      }};
  if (const Result error = submit(*stream, std::move(operation))) return error;
  return (synchronous || paged) && !stream->capture ? drain(*stream) : SUCCESS;
}

static Address number(const void* pointer) { return reinterpret_cast<Address>(pointer); }

API Result cuMemcpy(Address to, Address from, std::size_t size) {
  ENTER(context);
  return copy({to, size, Side::any}, {from, size, Side::any}, nullptr, true);
}

API Result cuMemcpyAsync(Address to, Address from, std::size_t size, void* stream) {
  ENTER(context);
  return copy({to, size, Side::any}, {from, size, Side::any}, stream, false);
}

API Result cuMemcpyHtoD_v2(Address to, const void* from, std::size_t size) {
  ENTER(context);
  return copy({to, size, Side::device}, {number(from), size, Side::host}, nullptr, true);
}

API Result cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t size, void* stream) {
  ENTER(context);
  return copy({to, size, Side::device}, {number(from), size, Side::host}, stream, false);
}

API Result cuMemcpyDtoH_v2(void* to, Address from, std::size_t size) {
  ENTER(context);
  return copy({number(to), size, Side::host}, {from, size, Side::device}, nullptr, true);
}

API Result cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t size, void* stream) {
  ENTER(context);
  return copy({number(to), size, Side::host}, {from, size, Side::device}, stream, false);
}

API Result cuMemcpyDtoD_v2(Address to, Address from, std::size_t size) {
  ENTER(context);
  return copy({to, size, Side::device}, {from, size, Side::device}, nullptr, true);
}

API Result cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t size, void* stream) {
  ENTER(context);
  return copy({to, size, Side::device}, {from, size, Side::device}, stream, false);
}

template <class T>
static Result fill(Address address, T value, std::size_t count, void* stream_handle, bool synchronous) {
  if (synchronous)
    if (const Result error = unsafe_during_capture()) return error;
  const auto stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  const Span span{address, count * sizeof(T), Side::device};
  if (count == 0) return SUCCESS;
  if (address % sizeof(T) || !usable(span)) return INVALID_VALUE;
  Operation operation{Operation::Kind::fill, "fill " + std::to_string(span.size),
                      [span, value, count]() -> Result {
                        if (!usable(span)) return ILLEGAL_ADDRESS;
                        std::fill_n(reinterpret_cast<T*>(span.address), count, value);
                        return SUCCESS;
                      }};
  if (const Result error = submit(*stream, std::move(operation))) return error;
  return synchronous ? drain(*stream) : SUCCESS;
}

#define FILLS(BITS, T)                                                                           \
  API Result cuMemsetD##BITS##_v2(Address address, T value, std::size_t count) {                 \
    ENTER(context);                                                                              \
    return fill(address, value, count, nullptr, true);                                           \
  }                                                                                              \
  API Result cuMemsetD##BITS##Async(Address address, T value, std::size_t count, void* stream) { \
    ENTER(context);                                                                              \
    return fill(address, value, count, stream, false);                                           \
  }
FILLS(8, unsigned char)
FILLS(16, unsigned short)
FILLS(32, unsigned)
