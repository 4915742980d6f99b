// Streams, and when work is done.
//
// Work is done at once, in the call that submits it. With the setting `deferred` it waits, as on a device that
// is slow, until somebody waits for it: so a test sees what is read or overwritten too early.

#include "driver.h"

using OperationKind = Operation::Kind;

static std::shared_ptr<Stream> make_stream(int device, unsigned flags, int priority) {
  static unsigned long long count = 0;
  auto stream = state().streams.make();
  stream->device = device;
  stream->flags = flags;
  stream->priority = priority;
  stream->id = ++count;
  return stream;
}

std::shared_ptr<Stream> stream_of(const void* handle) {
  const auto number = reinterpret_cast<std::uintptr_t>(handle);
  if (number > 2) return state().streams.find(handle);
  if (!current_context()) return nullptr;
  State& s = state();
  const int device = current_context()->device;
  auto& standing = number == 2 ? s.per_thread[device] : s.legacy[device];  // 0 and 1 are the legacy stream
  if (!standing) {
    standing = std::make_shared<Stream>();
    standing->device = device;
    standing->legacy = number != 2;
  }
  return standing;
}

// --- Doing work ---------------------------------------------------------------------------------------------

Result execute(const Operation& operation) {
  State& s = state();
  if (s.lost && !operation.always) return s.lost;
  const Result error = operation.run();
  if (error && !s.lost) s.lost = error;
  else if (!operation.name.empty()) s.log.push_back(operation.name);
  return error;
}

Result step(Stream& stream) {
  const Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  return execute(operation);
}

Result drain(Stream& stream) {
  Result error = state().lost;
  while (!stream.queue.empty()) error = step(stream);
  return error ? error : state().lost;
}

Result released(Result error) { return error ? error : state().lost; }

Result drain_all() {
  State& s = state();
  Result error = s.lost;
  std::vector<std::shared_ptr<Stream>> all;
  for (auto& [handle, stream] : s.streams) all.push_back(stream);
  for (auto& stream : s.legacy) all.push_back(stream);
  for (auto& stream : s.per_thread) all.push_back(stream);
  for (auto& stream : all)
    if (stream)
      if (const Result of_stream = drain(*stream)) error = of_stream;
  return error;
}

// The legacy stream waits for streams that are not "non-blocking", and they for it.
static Result wait_for_legacy(Stream& stream) {
  State& s = state();
  if (!stream.legacy) {
    const auto& legacy = s.legacy[stream.device];
    return legacy && !(stream.flags & 1) ? drain(*legacy) : SUCCESS;
  }
  for (auto& [handle, other] : s.streams) {
    if (other->flags & 1 || other->device != stream.device) continue;
    if (other->capture) {
      invalidate(*other->capture);
      return CAPTURE_IMPLICIT;
    }
  }
  std::vector<std::shared_ptr<Stream>> blocking;
  for (auto& [handle, other] : s.streams)
    if (!(other->flags & 1) && other->device == stream.device) blocking.push_back(other);
  for (auto& other : blocking)
    if (const Result error = drain(*other)) return error;
  return SUCCESS;
}

Result submit(Stream& stream, Operation operation) {
  if (stream.capture) {
    if (stream.capture->invalid) return CAPTURE_INVALIDATED;
    stream.tail = {append(*stream.capture->graph, std::move(operation), stream.tail)};
    return SUCCESS;
  }
  if (const Result error = wait_for_legacy(stream)) return error;
  if (operation.given) operation.given(stream);
  stream.queue.push_back(std::move(operation));
  return state().settings.deferred ? SUCCESS : drain(stream);
}

// --- Streams ------------------------------------------------------------------------------------------------

API Result cuStreamCreateWithPriority(void** stream, unsigned flags, int priority) {
  ENTER(context);
  if (flags > 1) return INVALID_VALUE;
  *stream = make_stream(current_context()->device, flags, priority).get();
  return SUCCESS;
}

API Result cuStreamCreate(void** stream, unsigned flags) {
  ENTER(context);
  if (flags > 1) return INVALID_VALUE;
  *stream = make_stream(current_context()->device, flags, 0).get();
  return SUCCESS;
}

API Result cuStreamDestroy_v2(void* handle) {
  ENTER(release);
  const auto stream = state().streams.find(handle);
  if (!stream) return INVALID_HANDLE;
  drain(*stream);
  if (const auto capture = stream->capture) {
    invalidate(*capture);
    capture->streams.erase(stream.get());
    if (capture->origin == stream.get()) {  // nobody can end it any more
      finish_capture(capture);
      drop_graph(*capture->graph);
    }
  }
  state().streams.drop(handle);
  return released();
}

API Result cuStreamSynchronize(void* handle) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) {
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  if (const Result error = wait_for_legacy(*stream)) return error;
  return drain(*stream);
}

API Result cuStreamQuery(void* handle) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) {
    invalidate(*stream->capture);
    return CAPTURE_UNSUPPORTED;
  }
  if (stream->queue.empty()) return SUCCESS;
  if (const Result error = step(*stream)) return error;  // whoever asks again and again comes to an end
  return NOT_READY;
}

template <class T>
static Result of_stream(void* handle, T* value, T Stream::* member) {
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  *value = (*stream).*member;
  return SUCCESS;
}

API Result cuStreamGetFlags(void* handle, unsigned* flags) {
  ENTER(driver);
  return of_stream(handle, flags, &Stream::flags);
}

API Result cuStreamGetPriority(void* handle, int* priority) {
  ENTER(driver);
  return of_stream(handle, priority, &Stream::priority);
}

API Result cuStreamGetId(void* handle, unsigned long long* id) {
  ENTER(driver);
  return of_stream(handle, id, &Stream::id);
}

API Result cuStreamGetDevice(void* handle, int* device) {
  ENTER(driver);
  return of_stream(handle, device, &Stream::device);
}

API Result cuStreamGetCtx(void* handle, Context** context) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  *context = &state().contexts[stream->device];
  return SUCCESS;
}

// --- Host functions -----------------------------------------------------------------------------------------

API Result cuLaunchHostFunc(void* stream_handle, HostFunction function, void* data) {
  ENTER(driver);
  const auto stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  if (!function) return INVALID_VALUE;
  const auto run = [function, data]() -> Result {
    unlocked([&] { function(data); });
    return SUCCESS;
  };
  return submit(*stream, {OperationKind::host, "host", run});
}
