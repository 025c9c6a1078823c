/* cogweave.h: the C ABI of libcogweave. Written by hand; capi/ includes it, so that a signature that
 * drifts stops the build, and python/cogweave/_ffi.py mirrors it from top to bottom.
 *
 * Rules
 *   - A cw_handle names something of the library: a queue, an operation, a table, a plan. 0 is none.
 *     A stale, released or foreign handle gives CW_ERROR, never a crash.
 *   - A function that returns cw_status and takes `char **error` stores there, when it fails, a JSON
 *     object {"class", "reason", "message", "item_id", "band", "argument", "href", "byte_range",
 *     "attempts", "cause"}; the caller frees it with cw_free. Output parameters are zeroed before anything else.
 *   - Strings are UTF-8, NUL-terminated. Requests and descriptions are JSON objects.
 *   - A submitted operation yields exactly one CW_EVENT_DONE on its queue: done, failed or cancelled.
 *     Events may precede it. The handle stays valid until cw_release.
 *   - Every function may be called from any thread. None calls back into the caller.
 *   - In a process that was forked after the library was loaded every function but cw_free,
 *     cw_buffer_release and the Arrow release callbacks returns CW_FORKED at once.
 */
#ifndef COGWEAVE_H
#define COGWEAVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CW_ABI_VERSION 1

typedef uint64_t cw_handle;
typedef int32_t cw_status;

enum { CW_OK = 0, CW_ERROR = 1, CW_FORKED = 2, CW_CANCELLED = 3 };

struct ArrowArrayStream; /* the Arrow C stream interface */

/* ---- library ------------------------------------------------------------------------------- */

uint32_t cw_abi_version(void);

/* JSON object of versions: cogweave, go, gdal, proj, duckdb, arrow. Free with cw_free. */
cw_status cw_versions(char **json, char **error);

/* Hands over the variables of the caller's environment that stores, proxies and certificates depend on:
 * a JSON object of texts, which replaces the one before. Never written anywhere. */
cw_status cw_environment(const char *variables, char **error);

/* Sets process-wide limits; unknown keys and nonsense values are errors, and then nothing changes.
 * {} changes nothing. *json is the configuration now in force. */
cw_status cw_configure(const char *request, char **json, char **error);

/* Counters since the library was loaded, as a JSON object of numbers. */
cw_status cw_stats(char **json, char **error);

/* JSON object {"notices": [...]}: texts that a user should see once though nothing failed, such as why
 * headers are not kept on disk. Each is given once. */
cw_status cw_notices(char **json, char **error);

/* Asks every running operation to stop; each still yields its completion. */
cw_status cw_cancel_all(char **error);

void cw_free(void *memory);

/* ---- queues: where operations complete ------------------------------------------------------ */

enum {
  CW_EVENT_DONE = 1,    /* the final one: status is CW_OK, CW_ERROR or CW_CANCELLED; value: how many
                         * notices of the process wait (cw_notices), plus 2^32 if cw_op_progress has a report */
  CW_EVENT_STEP = 2,    /* value: index (within the window) of a time step whose pixels are written */
  CW_EVENT_PROGRESS = 3,/* value: changed; read it with cw_op_progress */
  CW_EVENT_ASK = 4      /* value: number of a request to the caller; cw_op_asked, cw_op_answer */
};

typedef struct cw_event {
  cw_handle op;
  int32_t kind;
  cw_status status;
  int64_t value;
} cw_event;

/* *fd becomes readable while events wait: a non-blocking eventfd that the library owns. The caller
 * may dup it, never close it. */
cw_status cw_queue_open(int32_t *fd, cw_handle *queue, char **error);

/* Moves up to capacity waiting events out and returns how many, or -1 for a bad handle. Clears the
 * fd when the queue is empty. Does not block. */
int64_t cw_queue_drain(cw_handle queue, cw_event *events, int64_t capacity);

/* ---- operations ------------------------------------------------------------------------------ */

/* Asks the operation to stop. Returns at once; idempotent. */
cw_status cw_op_cancel(cw_handle op);

/* After CW_EVENT_DONE with CW_OK: moves the result (a table or a plan) out. */
cw_status cw_op_take(cw_handle op, cw_handle *result, char **error);

/* After CW_EVENT_DONE of a cw_read or cw_mosaic without a buffer of the caller's: moves the pixels
 * out. Give them back with cw_buffer_release. */
cw_status cw_op_take_buffer(cw_handle op, void **data, int64_t *bytes, char **error);

/* After CW_EVENT_DONE with CW_ERROR or CW_CANCELLED: the error as JSON. */
cw_status cw_op_error(cw_handle op, char **json, char **error);

/* JSON object of numbers, done and known of so far: requests_done, requests_total, retries, reads_done,
 * reads_total (tiles, or headers), bytes_done, bytes_total (of them), bytes_received; and, where a
 * finished read has something to report, report (an object: reads' outcomes). */
cw_status cw_op_progress(cw_handle op, char **json, char **error);

/* Has the operation post CW_EVENT_PROGRESS from now on, at most ten a second. Idempotent. */
cw_status cw_op_watch(cw_handle op);

/* What the operation asks of the caller in a CW_EVENT_ASK, as a JSON object {"name", "about", "blocks"}.
 * name says what is asked: "sign" (about: {"hrefs", "again"}; the answer is as many hrefs), and what
 * later stages add. blocks is a list of {"dtype", "shape", "writable"}: C-contiguous arrays that go
 * along by reference. Several questions may wait at once; one that its operation no longer waits for
 * is an error (NoQuestion), which whoever answers may ignore. */
cw_status cw_op_asked(cw_handle op, int64_t number, char **json, char **error);

/* A share of the memory of block `index` of a question that waits: to be given back with
 * cw_buffer_release, and valid until then whatever becomes of the question. What is written into a
 * writable block before the answer belongs to the answer. */
cw_status cw_op_asked_block(cw_handle op, int64_t number, int64_t index, void **data, int64_t *bytes, char **error);

/* The answer: a JSON object {"value": ...}, or {"error": text} where the caller's function failed.
 * May be called from any thread; the first answer counts. */
cw_status cw_op_answer(cw_handle op, int64_t number, const char *answer, char **error);

/* Gives a handle of any kind back. A running operation is cancelled first. */
cw_status cw_release(cw_handle handle);

/* Lets go of the caller's share of a pixel buffer. Plain C: safe in any thread, after a fork and
 * while the interpreter shuts down. */
void cw_buffer_release(void *data);

/* ---- tables: Arrow in and out ------------------------------------------------------------------ */

/* Takes over *stream (its release becomes NULL) and reads it to the end. */
cw_status cw_table_import(struct ArrowArrayStream *stream, cw_handle *table, char **error);

/* Fills *stream, which the caller must have zeroed, with the table. The table stays. */
cw_status cw_table_export(cw_handle table, struct ArrowArrayStream *stream, char **error);

/* JSON object: rows, columns, bytes, metadata, and many: whether the rows are too many to be kept beside a plan. */
cw_status cw_table_describe(cw_handle table, char **json, char **error);

/* ---- the stages: each submits one operation to a queue ------------------------------------------ */

/* Items of a source. source is a table of items, or 0 where the request names files.
 * Result: a table of items. */
cw_status cw_search(cw_handle queue, const char *request, cw_handle source, cw_handle *op, char **error);

/* Headers of the items' assets. Network. Result: a table of headers. */
cw_status cw_headers(cw_handle queue, const char *request, cw_handle items, cw_handle *op, char **error);

/* A plan: items on a grid. headers is a table, or 0 to read the headers that are needed.
 * Result: a plan. */
cw_status cw_plan(cw_handle queue, const char *request, cw_handle items, cw_handle headers, cw_handle *op,
                  char **error);

/* The plan's grid, times, bands, dtype and nodata as JSON. Immediate. */
cw_status cw_plan_describe(cw_handle plan, char **json, char **error);

/* The time step of each of the plan's items, and a digest that tells them from any others, as JSON.
 * Immediate, within 0.1 s for 100,000 items. */
cw_status cw_plan_membership(cw_handle plan, char **json, char **error);

/* One axis of a window: index[0..count), or start + i * step where index is NULL. step may be
 * negative; positions may repeat. */
typedef struct cw_axis {
  int64_t start, step, count;
  const int64_t *index;
} cw_axis;

/* Which cells of the plan's (band, time, y, x) array. Outer product of the axes, or, if pointwise,
 * one cell per position (all counts equal). Copied by the call. */
typedef struct cw_window {
  uint64_t struct_size;
  int32_t pointwise;
  int32_t reserved;
  cw_axis band, time, row, col;
} cw_window;

/* Memory of the caller's for the result: C-contiguous, in the shape of the window and the dtype of
 * its bands, pinned until CW_EVENT_DONE. data NULL: the operation allocates. */
typedef struct cw_buffer {
  uint64_t struct_size;
  void *data;
  int64_t bytes;
} cw_buffer;

/* The reads of a window. May read headers. Result: a table of reads, one row per tile. */
cw_status cw_reads(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle *op, char **error);

/* The compressed bytes of every read. Network only. Result: a table of tiles. */
cw_status cw_fetch(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle *op, char **error);

/* Pixels from tiles that were fetched before. CPU only. */
cw_status cw_mosaic(cw_handle queue, cw_handle plan, const cw_window *window, cw_handle tiles,
                    const cw_buffer *out, cw_handle *op, char **error);

/* fetch and mosaic fused, pipelined and with early exit. request may carry {"steps": true} to have
 * a CW_EVENT_STEP for each finished time step, {"report": true} to have the report tell of every item. */
cw_status cw_read(cw_handle queue, cw_handle plan, const cw_window *window, const char *request,
                  const cw_buffer *out, cw_handle *op, char **error);

/* Reads a window and writes it to a file as a Cloud-Optimized GeoTIFF: the bands of a time step, step after
 * step. request: {"path", "overview_resampling": "" for a choice by the dtype}. A file that
 * is there is replaced when the new one is complete. No result. */
cw_status cw_write(cw_handle queue, cw_handle plan, const cw_window *window, const char *request, cw_handle *op,
                   char **error);

/* ---- diagnosis ------------------------------------------------------------------------------------ */

/* A profile of the engine in pprof's format: {"kind": "cpu" (for "seconds", 1 by default), "heap",
 * "allocs", "goroutine" or "threadcreate"}. Result: bytes, taken with cw_op_take_buffer. */
cw_status cw_profile(cw_handle queue, const char *request, cw_handle *op, char **error);

#ifdef __cplusplus
}
#endif
#endif
