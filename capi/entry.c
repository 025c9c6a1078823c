/* Every function of cogweave.h that enters Go: zero the outputs, refuse in a forked child, refuse
 * missing outputs, then call the Go export of the same name (cwgo_*). An exported Go function could
 * not do this itself: it has entered Go before its first line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "_cgo_export.h"

#define JSON_TAIL ",\"item_id\":null,\"band\":null,\"argument\":null,\"href\":null,\"byte_range\":null,\"attempts\":0,\"cause\":null}"

static cw_status refuse_forked(char **error) {
  if (error)
    *error = strdup(
        "{\"class\":\"ForkedProcess\",\"reason\":\"Forked\",\"message\":\"cogweave was loaded before this process was "
        "forked and cannot be used in it: start workers with the spawn or forkserver method "
        "(multiprocessing_context=\\\"spawn\\\")\"" JSON_TAIL);
  return CW_FORKED;
}

static cw_status refuse_null(char **error, const char *name) {
  char text[256];
  snprintf(text, sizeof text,
           "{\"class\":\"InvalidArgument\",\"reason\":\"NullPointer\",\"message\":\"argument %s is NULL\"" JSON_TAIL,
           name);
  if (error) *error = strdup(text);
  return CW_ERROR;
}

#define CLEAR(pointer)            \
  do {                            \
    if (pointer) *(pointer) = 0;  \
  } while (0)

/* Opens a function: `error` may be NULL, in which case the reason of a failure is lost. */
#define ENTER(error)                              \
  do {                                            \
    CLEAR(error);                                 \
    if (cwc_forked()) return refuse_forked(error); \
  } while (0)

#define NEED(pointer, error)                              \
  do {                                                    \
    if (!(pointer)) return refuse_null(error, #pointer);  \
  } while (0)

/* ---- library ------------------------------------------------------------------------------- */

uint32_t cw_abi_version(void) { return CW_ABI_VERSION; }

cw_status cw_versions(char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_versions(json, error);
}

cw_status cw_environment(const char *variables, char **error) {
  ENTER(error);
  NEED(variables, error);
  return cwgo_environment((char *)variables, error);
}

cw_status cw_configure(const char *request, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(request, error);
  NEED(json, error);
  return cwgo_configure((char *)request, json, error);
}

cw_status cw_stats(char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_stats(json, error);
}

cw_status cw_notices(char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_notices(json, error);
}

cw_status cw_cancel_all(char **error) {
  ENTER(error);
  return cwgo_cancel_all(error);
}

/* ---- queues -------------------------------------------------------------------------------- */

cw_status cw_queue_open(int32_t *fd, cw_handle *queue, char **error) {
  if (fd) *fd = -1; /* 0 is a descriptor */
  CLEAR(queue);
  ENTER(error);
  NEED(fd, error);
  NEED(queue, error);
  return cwgo_queue_open(fd, queue, error);
}

int64_t cw_queue_drain(cw_handle queue, cw_event *events, int64_t capacity) {
  if (cwc_forked() || capacity < 0 || (!events && capacity > 0)) return -1;
  return cwgo_queue_drain(queue, events, capacity);
}

/* ---- operations ---------------------------------------------------------------------------- */

cw_status cw_op_cancel(cw_handle op) {
  if (cwc_forked()) return CW_FORKED;
  return cwgo_op_cancel(op);
}

cw_status cw_op_take(cw_handle op, cw_handle *result, char **error) {
  CLEAR(result);
  ENTER(error);
  NEED(result, error);
  return cwgo_op_take(op, result, error);
}

cw_status cw_op_take_buffer(cw_handle op, void **data, int64_t *bytes, char **error) {
  CLEAR(data);
  CLEAR(bytes);
  ENTER(error);
  NEED(data, error);
  NEED(bytes, error);
  return cwgo_op_take_buffer(op, data, bytes, error);
}

cw_status cw_op_error(cw_handle op, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_op_error(op, json, error);
}

cw_status cw_op_progress(cw_handle op, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_op_progress(op, json, error);
}

cw_status cw_op_watch(cw_handle op) {
  if (cwc_forked()) return CW_FORKED;
  return cwgo_op_watch(op);
}

cw_status cw_op_asked(cw_handle op, int64_t number, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_op_asked(op, number, json, error);
}

cw_status cw_op_asked_block(cw_handle op, int64_t number, int64_t index, void **data, int64_t *bytes, char **error) {
  CLEAR(data);
  CLEAR(bytes);
  ENTER(error);
  NEED(data, error);
  NEED(bytes, error);
  return cwgo_op_asked_block(op, number, index, data, bytes, error);
}

cw_status cw_op_answer(cw_handle op, int64_t number, const char *answer, char **error) {
  ENTER(error);
  NEED(answer, error);
  return cwgo_op_answer(op, number, (char *)answer, error);
}

cw_status cw_release(cw_handle handle) {
  if (cwc_forked()) return CW_FORKED;
  return cwgo_release(handle);
}

/* ---- tables -------------------------------------------------------------------------------- */

cw_status cw_table_import(struct ArrowArrayStream *stream, cw_handle *table, char **error) {
  CLEAR(table);
  ENTER(error);
  NEED(stream, error);
  NEED(table, error);
  cw_status status = cwgo_table_import(stream, table, error);
  cwc_stream_release(stream); /* whatever came of it, the stream was ours */
  return status;
}

cw_status cw_table_export(cw_handle table, struct ArrowArrayStream *stream, char **error) {
  if (stream) memset(stream, 0, sizeof *stream);
  ENTER(error);
  NEED(stream, error);
  return cwgo_table_export(table, stream, error);
}

cw_status cw_table_describe(cw_handle table, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_table_describe(table, json, error);
}

/* ---- stages -------------------------------------------------------------------------------- */

cw_status cw_search(cw_handle queue, const char *request, cw_handle source, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_search(queue, (char *)request, source, op, error);
}

cw_status cw_headers(cw_handle queue, const char *request, cw_handle items, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_headers(queue, (char *)request, items, op, error);
}

cw_status cw_plan(cw_handle queue, const char *request, cw_handle items, cw_handle headers, cw_handle *op,
                  char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_plan(queue, (char *)request, items, headers, op, error);
}

cw_status cw_plan_describe(cw_handle plan, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_plan_describe(plan, json, error);
}

cw_status cw_plan_membership(cw_handle plan, char **json, char **error) {
  CLEAR(json);
  ENTER(error);
  NEED(json, error);
  return cwgo_plan_membership(plan, json, error);
}

cw_status cw_reads(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(window, error);
  NEED(op, error);
  return cwgo_reads(queue, plan, (cw_window *)window, op, error);
}

cw_status cw_fetch(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(window, error);
  NEED(op, error);
  return cwgo_fetch(queue, plan, (cw_window *)window, op, error);
}

cw_status cw_mosaic(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle tiles,
                    const cw_buffer *out, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(window, error);
  NEED(op, error);
  return cwgo_mosaic(queue, plan, (cw_window *)window, tiles, (cw_buffer *)out, op, error);
}

cw_status cw_read(cw_handle queue, cw_handle plan, const cw_window *window, const char *request,
                  const cw_buffer *out, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(window, error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_read(queue, plan, (cw_window *)window, (char *)request, (cw_buffer *)out, op, error);
}

cw_status cw_write(cw_handle queue, cw_handle plan, const cw_window *window, const char *request, cw_handle *op,
                   char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(window, error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_write(queue, plan, (cw_window *)window, (char *)request, op, error);
}

/* ---- diagnosis ------------------------------------------------------------------------------ */

cw_status cw_profile(cw_handle queue, const char *request, cw_handle *op, char **error) {
  CLEAR(op);
  ENTER(error);
  NEED(request, error);
  NEED(op, error);
  return cwgo_profile(queue, (char *)request, op, error);
}
