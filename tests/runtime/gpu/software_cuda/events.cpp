// Events: times, what streams wait for, and what draws other streams into a capture.

#include <algorithm>
#include <chrono>

#include "driver.h"

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

// An event is found again when the work is done: a graph may be launched after its events are destroyed, which
// no device survives; on a stream it may be destroyed before.
static Operation record_operation(void* handle, bool in_graph) {
  const auto given = [handle](Stream& stream) {
    const auto event = state().events.find(handle);
    if (!event) return;
    event->stream = stream.shared_from_this();
    ++event->issued;
  };
  const auto run = [handle, in_graph]() -> Result {
    using namespace std::chrono;
    const auto event = state().events.find(handle);
    if (!event) return in_graph ? ILLEGAL_ADDRESS : SUCCESS;
    event->milliseconds = duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
    ++event->done;
    return SUCCESS;
  };
  return {Operation::Kind::record, "event", run, false, given};
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
  return submit(*stream, record_operation(event_handle, stream->capture != nullptr));
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
  if (stream.capture && stream.capture != event.capture) return CAPTURE_MERGE;
  if (!stream.capture) {
    if (stream.legacy) return CAPTURE_IMPLICIT;
    stream.capture = event.capture;
    stream.capture->streams.insert(&stream);
    stream.tail.clear();
  }
  for (Node* node : event.nodes)
    if (std::find(stream.tail.begin(), stream.tail.end(), node) == stream.tail.end())
      stream.tail.push_back(node);
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
  Operation wait{Operation::Kind::wait, "",
                 [event, number = event->issued] { return run_until(*event, number); }};
  return submit(*stream, std::move(wait));
}
