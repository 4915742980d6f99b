// OpenGL buffers as device memory: mapped by OpenGL itself, in the calling thread's context.

#include <dlfcn.h>

#include <cstring>

#include "driver.h"

namespace {

constexpr unsigned PIXEL_UNPACK_BUFFER = 0x88EC, PIXEL_UNPACK_BUFFER_BINDING = 0x88EF, BUFFER_SIZE = 0x8764;
constexpr unsigned READ_WRITE = 0x88BA, VERSION = 0x1F02;
constexpr unsigned WRITE_DISCARD = 2;  // of registering

struct OpenGL {
  const unsigned char* (*GetString)(unsigned);
  unsigned char (*IsBuffer)(unsigned);
  void (*GetIntegerv)(unsigned, int*);
  void (*BindBuffer)(unsigned, unsigned);
  void (*GetBufferParameteriv)(unsigned, unsigned, int*);
  void* (*MapBuffer)(unsigned, unsigned);
  unsigned char (*UnmapBuffer)(unsigned);
};

const OpenGL* open_gl() {
  static const OpenGL gl = [] {
    OpenGL found{};
    void* library = dlopen("libGL.so.1", RTLD_NOW);
    if (!library) library = dlopen("libOpenGL.so.0", RTLD_NOW);
    if (!library) return found;
    const auto take = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    };
    take(found.GetString, "glGetString");
    take(found.IsBuffer, "glIsBuffer");
    take(found.GetIntegerv, "glGetIntegerv");
    take(found.BindBuffer, "glBindBuffer");
    take(found.GetBufferParameteriv, "glGetBufferParameteriv");
    take(found.MapBuffer, "glMapBuffer");
    take(found.UnmapBuffer, "glUnmapBuffer");
    return found;
  }();
  const bool usable = gl.GetString && gl.IsBuffer && gl.MapBuffer && gl.UnmapBuffer && gl.GetString(VERSION);
  return usable ? &gl : nullptr;  // null as well when no context is current
}

// A buffer bound for as long as this lives; then the one bound before.
class Bound {
 public:
  Bound(const OpenGL& gl, unsigned buffer) : gl_(gl) {
    gl.GetIntegerv(PIXEL_UNPACK_BUFFER_BINDING, &before_);
    gl.BindBuffer(PIXEL_UNPACK_BUFFER, buffer);
  }
  ~Bound() { gl_.BindBuffer(PIXEL_UNPACK_BUFFER, static_cast<unsigned>(before_)); }

 private:
  const OpenGL& gl_;
  int before_ = 0;
};

Result map(GraphicsResource& resource) {
  const OpenGL* gl = open_gl();
  if (!gl) return INVALID_GRAPHICS_CONTEXT;
  if (resource.mapped) return ALREADY_MAPPED;
  const Bound bound(*gl, resource.buffer);
  int size = 0;
  gl->GetBufferParameteriv(PIXEL_UNPACK_BUFFER, BUFFER_SIZE, &size);
  void* pointer = gl->MapBuffer(PIXEL_UNPACK_BUFFER, READ_WRITE);
  if (!pointer || size <= 0) return GRAPHICS_MAP_FAILED;
  if (resource.flags & WRITE_DISCARD) std::memset(pointer, 0xCD, static_cast<std::size_t>(size));
  resource.mapped = reinterpret_cast<Address>(pointer);
  resource.size = static_cast<std::size_t>(size);
  register_mapped(resource.mapped, resource.size, current_context()->device);
  return SUCCESS;
}

Result unmap(GraphicsResource& resource) {
  const OpenGL* gl = open_gl();
  if (!gl) return INVALID_GRAPHICS_CONTEXT;
  if (!resource.mapped) return NOT_MAPPED;
  const Bound bound(*gl, resource.buffer);
  release(resource.mapped);
  resource.mapped = 0;
  return gl->UnmapBuffer(PIXEL_UNPACK_BUFFER) ? SUCCESS : GRAPHICS_UNMAP_FAILED;
}

Result for_each(unsigned count, void** handles, void* stream_handle, Result (*action)(GraphicsResource&)) {
  const auto stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) return CAPTURE_UNSUPPORTED;
  if (const Result error = drain(*stream)) return error;
  for (unsigned i = 0; i < count; ++i) {
    const auto resource = state().resources.find(handles[i]);
    if (!resource) return INVALID_HANDLE;
    if (const Result error = action(*resource)) return error;
  }
  return SUCCESS;
}

}  // namespace

API Result cuGraphicsGLRegisterBuffer(void** resource, unsigned buffer, unsigned flags) {
  ENTER(context);
  const OpenGL* gl = open_gl();
  if (!gl) return INVALID_GRAPHICS_CONTEXT;
  if (!gl->IsBuffer(buffer)) return INVALID_VALUE;
  *resource = state().resources.make(GraphicsResource{buffer, flags}).get();
  return SUCCESS;
}

API Result cuGraphicsUnregisterResource(void* handle) {
  ENTER(release);
  const auto resource = state().resources.find(handle);
  if (!resource) return INVALID_HANDLE;
  if (resource->mapped) unmap(*resource);
  state().resources.drop(handle);
  return SUCCESS;
}

API Result cuGraphicsMapResources(unsigned count, void** resources, void* stream) {
  ENTER(context);
  return for_each(count, resources, stream, map);
}

API Result cuGraphicsUnmapResources(unsigned count, void** resources, void* stream) {
  ENTER(release);
  return for_each(count, resources, stream, unmap);
}

API Result cuGraphicsResourceGetMappedPointer_v2(Address* address, std::size_t* size, void* handle) {
  ENTER(context);
  const auto resource = state().resources.find(handle);
  if (!resource) return INVALID_HANDLE;
  if (!resource->mapped) return NOT_MAPPED;
  *address = resource->mapped;
  *size = resource->size;
  return SUCCESS;
}
