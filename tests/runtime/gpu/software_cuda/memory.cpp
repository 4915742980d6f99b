// Memory: what is allocated, and what an address is.
//
// All lies in one range of addresses that nothing else uses and no address of which is used twice: so any
// address in it that no live allocation covers is known for a mistake. Fresh memory reads 0xCD; behind each
// allocation lies a guard that must not change.

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

Result allocate(Address* address, std::size_t size, Kind kind, int device, Pool* pool) {
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
  return std::all_of(guard, guard + (allocation.room - allocation.size),
                     [](auto b) { return b == GUARD_BYTE; });
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
  if (allocation.room == 0) return SUCCESS;  // not ours: mapped
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
  if (!allocation || allocation->base != address || allocation->kind != kind || allocation->freeing)
    return INVALID_VALUE;
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

API Result cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  ENTER(context);
  *total = state().settings.memory;
  *free = *total - std::min(*total, state().live_bytes[current_context()->device]);
  return SUCCESS;
}

// --- What an address is -------------------------------------------------------------------------------------

static Result pointer_attribute(void* data, int attribute, Address address) {
  const Allocation* found = find_allocation(address);
  if (!found) return INVALID_VALUE;
  const bool of_host = found->kind == Kind::pinned;
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
    const bool is_bool =
        attributes[i] == 8 || attributes[i] == 13 || attributes[i] == 6 || attributes[i] == 10;
    const bool is_int = attributes[i] == 2 || attributes[i] == 9;
    std::memset(data[i], 0, is_bool ? 1 : is_int ? 4 : 8);
    if (attributes[i] == 9) *static_cast<int*>(data[i]) = -2;
    if (find_allocation(address)) pointer_attribute(data[i], attributes[i], address);
  }
  return SUCCESS;
}
