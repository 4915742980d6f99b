// Streams, events, and when work is done.
//
// Work is done at once, in the call that submits it. With the setting `deferred` it waits, as on a device that is
// slow, until somebody waits for it: so a test sees what is read or overwritten too early.

#include <algorithm>
#include <chrono>

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

static Result step(Stream& stream) {
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
  if (stream->capture) {
    invalidate(*stream->capture);
    stream->capture->streams.erase(stream.get());
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
static Result of_stream(void* handle, T* value, T Stream::*member) {
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

// --- Events -------------------------------------------------------------------------------------------------

constexpr unsigned DISABLE_TIMING = 2;

API Result cuEventCreate(void** event, unsigned flags) {
  ENTER(context);
  const auto made = state().events.make();
  made->device = current_context()->device;
  made->flags = flags;
  *event = made.get();
  return SUCCESS;
}

API Result cuEventDestroy_v2(void* handle) {
  ENTER(release);
  if (!state().events.find(handle)) return INVALID_HANDLE;
  state().events.drop(handle);
  return released();
}

Result event_record(const std::shared_ptr<Event>& event) {
  using namespace std::chrono;
  event->milliseconds = duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
  return SUCCESS;
}

static Operation record_operation(const std::shared_ptr<Event>& event) {
  const auto run = [event, number = ++event->issued] {
    event->done = std::max(event->done, number);
    return event_record(event);
  };
  return {OperationKind::record, "event", run};
}

// In a graph the event is found again at each launch: one that was destroyed makes the launch fail.
static Operation record_node(const std::shared_ptr<Event>& event) {
  const auto run = [handle = event.get()]() -> Result {
    const auto live = state().events.find(handle);
    if (!live) return ILLEGAL_ADDRESS;
    live->done = ++live->issued;
    return event_record(live);
  };
  return {OperationKind::record, "event", run};
}

static Result record(void* event_handle, void* stream_handle, bool external) {
  const auto event = state().events.find(event_handle);
  const auto stream = stream_of(stream_handle);
  if (!event || !stream || event->device != stream->device) return INVALID_HANDLE;
  if (stream->capture && stream->capture->invalid) return CAPTURE_INVALIDATED;
  if (stream->capture && !external) {
    event->capture = stream->capture;
    event->nodes = stream->tail;
    return SUCCESS;
  }
  event->capture = nullptr;
  event->nodes.clear();
  if (stream->capture) return submit(*stream, record_node(event));
  event->stream = stream;
  return submit(*stream, record_operation(event));
}

API Result cuEventRecord(void* event, void* stream) {
  ENTER(driver);
  return record(event, stream, false);
}

API Result cuEventRecordWithFlags(void* event, void* stream, unsigned flags) {
  ENTER(driver);
  if (flags > 1) return INVALID_VALUE;
  return record(event, stream, flags & 1);
}

static Result event_status(const std::shared_ptr<Event>& event) {
  if (!event) return INVALID_HANDLE;
  if (event->capture) {
    invalidate(*event->capture);
    return CAPTURED_EVENT;
  }
  return unsafe_during_capture();
}

API Result cuEventQuery(void* handle) {
  ENTER(driver);
  const auto event = state().events.find(handle);
  if (const Result error = event_status(event)) return error;
  if (event->done < event->issued && !event->stream->queue.empty())
    if (const Result error = step(*event->stream)) return error;
  return event->done < event->issued ? NOT_READY : SUCCESS;
}

static Result run_until(Event& event, unsigned long long number) {
  while (event.done < number && !event.stream->queue.empty())
    if (const Result error = step(*event.stream)) return error;
  return SUCCESS;
}

API Result cuEventSynchronize(void* handle) {
  ENTER(driver);
  const auto event = state().events.find(handle);
  if (const Result error = event_status(event)) return error;
  return run_until(*event, event->issued);
}

API Result cuEventElapsedTime_v2(float* milliseconds, void* start_handle, void* end_handle) {
  ENTER(driver);
  const auto start = state().events.find(start_handle), end = state().events.find(end_handle);
  if (!start || !end || (start->flags | end->flags) & DISABLE_TIMING) return INVALID_HANDLE;
  if (start->capture || end->capture) return CAPTURED_EVENT;
  if (!start->issued || !end->issued) return INVALID_HANDLE;
  if (start->done < start->issued || end->done < end->issued) return NOT_READY;
  *milliseconds = static_cast<float>(end->milliseconds - start->milliseconds);
  return SUCCESS;
}

static Result join(Stream& stream, Event& event) {
  if (event.capture->invalid) return CAPTURE_INVALIDATED;
  if (stream.capture && stream.capture != event.capture) return 903;  // two captures cannot be merged
  if (!stream.capture) {
    if (stream.legacy) return CAPTURE_IMPLICIT;
    stream.capture = event.capture;
    stream.capture->streams.insert(&stream);
    stream.tail.clear();
  }
  for (Node* node : event.nodes)
    if (std::find(stream.tail.begin(), stream.tail.end(), node) == stream.tail.end()) stream.tail.push_back(node);
  return SUCCESS;
}

API Result cuStreamWaitEvent(void* stream_handle, void* event_handle, unsigned flags) {
  ENTER(driver);
  const auto stream = stream_of(stream_handle);
  const auto event = state().events.find(event_handle);
  if (!stream || !event) return INVALID_HANDLE;
  if (event->capture) return join(*stream, *event);
  if (stream->capture && !(flags & 1)) {
    invalidate(*stream->capture);
    return CAPTURE_ISOLATION;
  }
  Operation wait{OperationKind::wait, "", [event, number = event->issued] { return run_until(*event, number); }};
  return submit(*stream, std::move(wait));
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
