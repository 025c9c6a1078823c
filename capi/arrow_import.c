/* Arrow streams that come from elsewhere, completed before Go reads them.
 *
 * A text or list array of no rows should still hold its first offset, 0. The Arrow columnar format
 * allows older writers an empty offsets buffer there, and nanoarrow writes one; arrow-go reads the
 * offset in any case, past the end of the buffer. */
#include <errno.h>
#include <stdlib.h>

#include "guard.h"

static const int64_t first_offset[8];

/* The layouts with offsets have three buffers, or two and children. In the others that match, the
 * buffer holds nothing that a reader of no rows would look at. */
static void complete(struct ArrowArray *array) {
  int offsets = array->n_buffers == 3 || (array->n_buffers == 2 && array->n_children > 0);
  if (offsets && array->length == 0 && array->offset == 0) array->buffers[1] = first_offset;
  for (int64_t i = 0; i < array->n_children; i++) complete(array->children[i]);
  if (array->dictionary) complete(array->dictionary);
}

static int next_complete(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  int code = inner->get_next(inner, out);
  if (code == 0 && out->release) complete(out);
  return code;
}

static int schema_of(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  return inner->get_schema(inner, out);
}

static const char *error_of(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  return inner->get_last_error(inner);
}

static void release(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  stream->release = NULL;
  stream->private_data = NULL;
  if (inner->release) inner->release(inner);
  free(inner);
}

int cwc_stream_complete(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = malloc(sizeof *inner);
  if (!inner) return ENOMEM;
  *inner = *stream;
  stream->get_schema = schema_of;
  stream->get_next = next_complete;
  stream->get_last_error = error_of;
  stream->release = release;
  stream->private_data = inner;
  return 0;
}
