/* What the C files of capi share with its Go files. */
#ifndef CW_GUARD_H
#define CW_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "include/cogweave.h"
#include "arrow_abi.h"

/* Whether this process was forked from the one that loaded the library: Go may not be entered then. */
int cwc_forked(void);

/* Plain C memory, aligned to 64 bytes and zeroed; NULL when there is none. Give it back with free. */
void *cwc_alloc(size_t bytes);

/* The same for large memory, which the kernel zeroes page by page when it is first written. */
void *cwc_pages(size_t bytes);
void cwc_pages_free(void *pages, size_t bytes);

/* A pixel buffer with one share, aligned to 64 bytes, of whatever content; NULL when there is none. */
void *cwc_buffer_new(int64_t bytes);
/* One share more; each is given back with cw_buffer_release. */
void cwc_buffer_retain(void *data);
/* Bytes of all pixel buffers now alive. */
int64_t cwc_buffer_total(void);
/* Whether a buffer of so many bytes waits to be used again when it was let go of. */
int cwc_serves_again(int64_t bytes);
/* Unmaps what waits to be used again, and gives its bytes, or -1 where another thread looks for memory or leaves some: to
 * be called again then. To be called two seconds after the last cwc_buffer_new of such a size. */
int64_t cwc_spares_free(void);

/* Moves a stream that Go exported into *out, whose callbacks, and those of every schema and array
 * that comes from it, never enter Go in a forked child. Returns 0, or ENOMEM with *inner released. */
int cwc_stream_guard(struct ArrowArrayStream *inner, struct ArrowArrayStream *out);

/* Wraps a foreign stream in place, so that the arrays it gives are complete (arrow_import.c). Returns
 * 0, or ENOMEM with the stream unchanged. */
int cwc_stream_complete(struct ArrowArrayStream *stream);

/* Releases a stream that nothing has taken over; harmless on one that was. */
void cwc_stream_release(struct ArrowArrayStream *stream);

#endif
