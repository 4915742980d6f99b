// Stream-ordered allocating, and the pools that it takes memory from.

#include "driver.h"

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

static Result allocate_from(Address* address, std::size_t size, Pool* pool, const void* stream_handle) {
  const auto stream = stream_of(stream_handle);
  if (!stream || !state().pools.find(pool)) return INVALID_HANDLE;
  if (stream->capture) {
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  const bool of_device = pool->location.type == 1;
  const auto kind = of_device ? Allocation::Kind::device : Allocation::Kind::pinned;
  return allocate(address, size, kind, of_device ? pool->location.id : stream->device, pool);
}

API Result cuMemAllocFromPoolAsync(Address* address, std::size_t size, Pool* pool, void* stream) {
  ENTER(context);
  return allocate_from(address, size, pool, stream);
}

API Result cuMemAllocAsync(Address* address, std::size_t size, void* stream) {
  ENTER(context);
  const auto known = stream_of(stream);
  return known ? allocate_from(address, size, default_pool({1, known->device}), stream) : INVALID_HANDLE;
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
  return released(
      submit(*stream, {Operation::Kind::empty, "", [address] { return release(address); }, true}));
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
  *pool = default_pool({1, device});
  return SUCCESS;
}

static Result pool_at(Pool** pool, const Location* location) {
  const bool device = location->type == 1;
  if (device && (location->id < 0 || location->id >= state().settings.devices)) return INVALID_DEVICE;
  *pool = default_pool(*location);
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
