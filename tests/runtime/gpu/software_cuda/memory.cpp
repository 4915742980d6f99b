// Memory: allocations and pools, copies and fills.
//
// All lies in one range of addresses that nothing else uses and no address of which is used twice: so any address
// in it that no live allocation covers is known for a mistake. Fresh memory reads 0xCD; behind each allocation
// lies a guard that must not change.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "driver.h"

using Kind = Allocation::Kind;

constexpr std::size_t ARENA = std::size_t{1} << 40;
constexpr std::size_t GUARD = 64;
constexpr unsigned char FRESH = 0xCD, GUARD_BYTE = 0xAB;

static Address arena() {
  static const Address base = [] {
    void* range = mmap(nullptr, ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? 0 : reinterpret_cast<Address>(range);
  }();
  return base;
}

bool within_arena(Address address) { return address - arena() < ARENA; }

Allocation* find_allocation(Address address) {
  auto& all = state().allocations;
  auto after = all.upper_bound(address);
  if (after == all.begin()) return nullptr;
  Allocation& found = std::prev(after)->second;
  return address - found.base < found.size ? &found : nullptr;
}

static unsigned char* bytes_at(Address address) { return reinterpret_cast<unsigned char*>(address); }

static Result allocate(Address* address, std::size_t size, Kind kind, int device, Pool* pool) {
  static std::size_t next = 0;
  State& s = state();
  *address = 0;
  if (size == 0) return INVALID_VALUE;
  if (kind == Kind::device && s.live_bytes[device] + size > s.settings.memory) return OUT_OF_MEMORY;
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t room = (size + GUARD + page - 1) / page * page;
  if (!arena() || room > ARENA - next) return OUT_OF_MEMORY;
  const Address base = arena() + next;
  if (mprotect(bytes_at(base), room, PROT_READ | PROT_WRITE)) return OUT_OF_MEMORY;
  next += room;
  std::memset(bytes_at(base), FRESH, size);
  std::memset(bytes_at(base + size), GUARD_BYTE, room - size);
  s.allocations[base] = {kind, base, size, room, device, pool, false};
  if (kind == Kind::device) s.live_bytes[device] += size;
  if (pool) pool->used_high = std::max(pool->used_high, pool->used += size);
  *address = base;
  return SUCCESS;
}

static bool guard_intact(const Allocation& allocation) {
  const unsigned char* guard = bytes_at(allocation.base + allocation.size);
  return std::all_of(guard, guard + (allocation.room - allocation.size), [](auto b) { return b == GUARD_BYTE; });
}

static Result check_guard(Allocation& allocation) {
  if (guard_intact(allocation)) return SUCCESS;
  state().violations.push_back("write past the end of " + std::to_string(allocation.size) + " bytes");
  std::memset(bytes_at(allocation.base + allocation.size), GUARD_BYTE, allocation.room - allocation.size);
  return ILLEGAL_ADDRESS;
}

void check_guards() {
  for (auto& [base, allocation] : state().allocations) check_guard(allocation);
}

Result release(Address address) {
  State& s = state();
  const auto found = s.allocations.find(address);
  if (found == s.allocations.end()) return INVALID_VALUE;
  Allocation allocation = found->second;
  s.allocations.erase(found);
  if (allocation.room == 0) return SUCCESS;  // not ours: registered or mapped
  const Result error = check_guard(allocation);
  if (allocation.kind == Kind::device) s.live_bytes[allocation.device] -= allocation.size;
  if (allocation.pool) allocation.pool->used -= allocation.size;
  madvise(bytes_at(address), allocation.room, MADV_DONTNEED);
  return error;
}

void register_mapped(Address address, std::size_t size, int device) {
  state().allocations[address] = {Kind::mapped, address, size, 0, device, nullptr, false};
}

// --- Allocating ---------------------------------------------------------------------------------------------

API Result cuMemAlloc_v2(Address* address, std::size_t size) {
  ENTER(context);
  if (const Result error = unsafe_during_capture()) return error;
  return allocate(address, size, Kind::device, current_context()->device, nullptr);
}

static Result free_now(Address address, bool of_host) {
  if (address == 0) return SUCCESS;
  if (const Result error = unsafe_during_capture()) return error;
  drain_all();
  const Allocation* allocation = find_allocation(address);
  const Kind kind = of_host ? Kind::pinned : Kind::device;
  if (!allocation || allocation->base != address || allocation->kind != kind || allocation->freeing) return INVALID_VALUE;
  return released(release(address));
}

API Result cuMemFree_v2(Address address) {
  ENTER(release);
  return free_now(address, false);
}

API Result cuMemFreeHost(void* address) {
  ENTER(release);
  return free_now(reinterpret_cast<Address>(address), true);
}

static Result allocate_pinned(void** address, std::size_t size) {
  if (const Result error = unsafe_during_capture()) return error;
  Address made;
  const Result error = allocate(&made, size, Kind::pinned, current_context()->device, nullptr);
  *address = bytes_at(made);
  return error;
}

API Result cuMemAllocHost_v2(void** address, std::size_t size) {
  ENTER(context);
  return allocate_pinned(address, size);
}

API Result cuMemHostAlloc(void** address, std::size_t size, unsigned) {
  ENTER(context);
  return allocate_pinned(address, size);
}

API Result cuMemHostRegister_v2(void* pointer, std::size_t size, unsigned) {
  ENTER(context);
  if (const Result error = unsafe_during_capture()) return error;
  const Address address = reinterpret_cast<Address>(pointer);
  if (!pointer || size == 0 || within_arena(address)) return INVALID_VALUE;
  if (find_allocation(address)) return 712;  // already registered
  state().allocations[address] = {Kind::registered, address, size, 0, current_context()->device, nullptr, false};
  return SUCCESS;
}

API Result cuMemHostUnregister(void* pointer) {
  ENTER(release);
  const Allocation* found = find_allocation(reinterpret_cast<Address>(pointer));
  if (!found || found->kind != Kind::registered) return 713;  // not registered
  return release(found->base);
}

API Result cuMemHostGetDevicePointer_v2(Address* address, void* pointer, unsigned) {
  ENTER(context);
  *address = reinterpret_cast<Address>(pointer);
  return find_allocation(*address) ? SUCCESS : INVALID_VALUE;
}

API Result cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  ENTER(context);
  *total = state().settings.memory;
  *free = *total - std::min(*total, state().live_bytes[current_context()->device]);
  return SUCCESS;
}

API Result cuMemGetAddressRange_v2(Address* base, std::size_t* size, Address address) {
  ENTER(context);
  const Allocation* found = find_allocation(address);
  if (!found) return NOT_FOUND;
  if (base) *base = found->base;
  if (size) *size = found->size;
  return SUCCESS;
}

// --- Stream-ordered allocating, pools -----------------------------------------------------------------------

static Pool* default_pool(Location location) {
  static std::map<std::pair<int, int>, Pool*> made;
  Pool*& pool = made[{location.type, location.type == 1 ? location.id : 0}];
  if (!pool) {
    pool = state().pools.make().get();
    pool->location = location;
    pool->standing = true;
  }
  return pool;
}

static Pool* current_pool(int device) {
  Pool* chosen = state().current_pool[device];
  return chosen ? chosen : default_pool({1, device});
}

static Result allocate_from(Address* address, std::size_t size, Pool* pool, const void* stream_handle) {
  const auto stream = stream_of(stream_handle);
  if (!stream || !state().pools.find(pool)) return INVALID_HANDLE;
  if (stream->capture) {
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  const bool of_device = pool->location.type == 1;
  return allocate(address, size, of_device ? Kind::device : Kind::pinned, of_device ? pool->location.id : stream->device, pool);
}

API Result cuMemAllocFromPoolAsync(Address* address, std::size_t size, Pool* pool, void* stream) {
  ENTER(context);
  return allocate_from(address, size, pool, stream);
}

API Result cuMemAllocAsync(Address* address, std::size_t size, void* stream) {
  ENTER(context);
  const auto known = stream_of(stream);
  return known ? allocate_from(address, size, current_pool(known->device), stream) : INVALID_HANDLE;
}

API Result cuMemFreeAsync(Address address, void* stream_handle) {
  ENTER(release);
  const auto stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  if (address == 0) return SUCCESS;
  Allocation* found = find_allocation(address);
  if (!found || found->base != address || !found->room || found->freeing) return INVALID_VALUE;
  if (stream->capture) {
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  found->freeing = true;
  return released(submit(*stream, {Operation::Kind::empty, "", [address] { return release(address); }, true}));
}

API Result cuMemPoolCreate(Pool** pool, const Location* properties) {
  ENTER(driver);
  *pool = state().pools.make().get();
  (*pool)->location = properties[1];  // after the kinds of allocation and of handle, 4 bytes each
  return SUCCESS;
}

API Result cuMemPoolDestroy(Pool* pool) {
  ENTER(release);
  if (!state().pools.find(pool) || pool->standing) return INVALID_VALUE;
  for (auto& [base, allocation] : state().allocations)
    if (allocation.pool == pool) allocation.pool = nullptr;
  state().pools.drop(pool);
  return SUCCESS;
}

API Result cuDeviceGetDefaultMemPool(Pool** pool, int device) {
  ENTER(driver);
  if (device < 0 || device >= state().settings.devices) return INVALID_DEVICE;
  *pool = default_pool({1, device});
  return SUCCESS;
}

API Result cuDeviceGetMemPool(Pool** pool, int device) {
  ENTER(driver);
  if (device < 0 || device >= state().settings.devices) return INVALID_DEVICE;
  *pool = current_pool(device);
  return SUCCESS;
}

API Result cuDeviceSetMemPool(int device, Pool* pool) {
  ENTER(driver);
  if (device < 0 || device >= state().settings.devices) return INVALID_DEVICE;
  if (!state().pools.find(pool)) return INVALID_VALUE;
  state().current_pool[device] = pool;
  return SUCCESS;
}

static Result pool_at(Pool** pool, const Location* location) {
  const bool device = location->type == 1;
  if (device && (location->id < 0 || location->id >= state().settings.devices)) return INVALID_DEVICE;
  *pool = device ? current_pool(location->id) : default_pool(*location);
  return SUCCESS;
}

API Result cuMemGetDefaultMemPool(Pool** pool, Location* location, int) {
  ENTER(driver);
  return pool_at(pool, location);
}

API Result cuMemGetMemPool(Pool** pool, Location* location, int) {
  ENTER(driver);
  return pool_at(pool, location);
}

API Result cuMemPoolGetAttribute(Pool* pool, int attribute, std::uint64_t* value) {
  ENTER(driver);
  if (!state().pools.find(pool)) return INVALID_VALUE;
  if (attribute <= 3) *reinterpret_cast<int*>(value) = 1;
  else if (attribute == 4) *value = pool->release_threshold;
  else if (attribute == 5 || attribute == 7) *value = pool->used;
  else if (attribute == 6 || attribute == 8) *value = pool->used_high;
  else return INVALID_VALUE;
  return SUCCESS;
}

API Result cuMemPoolSetAttribute(Pool* pool, int attribute, const std::uint64_t* value) {
  ENTER(driver);
  if (!state().pools.find(pool)) return INVALID_VALUE;
  if (attribute == 4) pool->release_threshold = *value;
  return SUCCESS;
}

API Result cuMemPoolSetAccess(Pool* pool, const void*, std::size_t) {
  ENTER(driver);
  return state().pools.find(pool) ? SUCCESS : INVALID_VALUE;
}

API Result cuMemPoolGetAccess(int* flags, Pool* pool, const Location* location) {
  ENTER(driver);
  if (!state().pools.find(pool)) return INVALID_VALUE;
  *flags = pool->location.type != 1 || (location->type == 1 && location->id == pool->location.id) ? 3 : 0;
  return SUCCESS;
}

API Result cuMemPoolTrimTo(Pool* pool, std::size_t) {
  ENTER(driver);
  return state().pools.find(pool) ? SUCCESS : INVALID_VALUE;
}

// --- What an address is -------------------------------------------------------------------------------------

static Result pointer_attribute(void* data, int attribute, Address address) {
  const Allocation* found = find_allocation(address);
  if (!found) return INVALID_VALUE;
  const bool of_host = found->kind == Kind::pinned || found->kind == Kind::registered;
  switch (attribute) {
    case 1: *static_cast<Context**>(data) = &state().contexts[found->device]; return SUCCESS;
    case 2: *static_cast<unsigned*>(data) = of_host ? 1 : 2; return SUCCESS;
    case 3: *static_cast<Address*>(data) = address; return SUCCESS;
    case 4: *static_cast<Address*>(data) = of_host ? address : 0; return of_host ? SUCCESS : INVALID_VALUE;
    case 8: *static_cast<bool*>(data) = false; return SUCCESS;
    case 9: *static_cast<int*>(data) = found->device; return SUCCESS;
    case 11: *static_cast<Address*>(data) = found->base; return SUCCESS;
    case 12: *static_cast<std::size_t*>(data) = found->size; return SUCCESS;
    case 13: *static_cast<bool*>(data) = true; return SUCCESS;
    case 17: *static_cast<Pool**>(data) = found->pool; return SUCCESS;
    default: return NOT_SUPPORTED;
  }
}

API Result cuPointerGetAttribute(void* data, int attribute, Address address) {
  ENTER(driver);
  return pointer_attribute(data, attribute, address);
}

API Result cuPointerGetAttributes(unsigned count, const int* attributes, void** data, Address address) {
  ENTER(driver);
  for (unsigned i = 0; i < count; ++i) {  // an unknown address has zero for each
    const bool is_bool = attributes[i] == 8 || attributes[i] == 13 || attributes[i] == 6 || attributes[i] == 10;
    const bool is_int = attributes[i] == 2 || attributes[i] == 9;
    std::memset(data[i], 0, is_bool ? 1 : is_int ? 4 : 8);
    if (attributes[i] == 9) *static_cast<int*>(data[i]) = -2;
    if (find_allocation(address)) pointer_attribute(data[i], attributes[i], address);
  }
  return SUCCESS;
}

// --- Copies and fills ---------------------------------------------------------------------------------------

enum class Side { any, device, host };  // what a call says of an address

struct Span { Address address; std::size_t size; Side side; };

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
  Operation operation{Operation::Kind::fill, "fill " + std::to_string(span.size), [span, value, count]() -> Result {
                        if (!usable(span)) return ILLEGAL_ADDRESS;
                        std::fill_n(reinterpret_cast<T*>(span.address), count, value);
                        return SUCCESS;
                      }};
  if (const Result error = submit(*stream, std::move(operation))) return error;
  return synchronous ? drain(*stream) : SUCCESS;
}

#define FILLS(BITS, T)                                                                              \
  API Result cuMemsetD##BITS##_v2(Address address, T value, std::size_t count) {                    \
    ENTER(context);                                                                                 \
    return fill(address, value, count, nullptr, true);                                              \
  }                                                                                                 \
  API Result cuMemsetD##BITS##Async(Address address, T value, std::size_t count, void* stream) {    \
    ENTER(context);                                                                                 \
    return fill(address, value, count, stream, false);                                              \
  }
FILLS(8, unsigned char)
FILLS(16, unsigned short)
FILLS(32, unsigned)
