/* Arrow streams that Go exports, wrapped so that a process forked from ours can still drop what it
 * inherited: in a child the callbacks of Go would hang, so there they fail or do nothing. What is
 * not released in a child is a copy-on-write copy that ends with the child. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

/* ---- arrays -------------------------------------------------------------------------------- */

struct guarded_array {
  void (*release)(struct ArrowArray *);
  void *private_data;
};

static void release_array(struct ArrowArray *array) {
  if (cwc_forked()) {
    array->release = NULL;
    return;
  }
  struct guarded_array *g = array->private_data;
  array->release = g->release;
  array->private_data = g->private_data;
  free(g);
  array->release(array);
}

/* Children and dictionaries too: a consumer may move them out and release them on their own. */
static int guard_array(struct ArrowArray *array) {
  if (!array || !array->release) return 0;
  for (int64_t i = 0; i < array->n_children; i++)
    if (guard_array(array->children[i])) return ENOMEM;
  if (guard_array(array->dictionary)) return ENOMEM;
  struct guarded_array *g = malloc(sizeof *g);
  if (!g) return ENOMEM;
  g->release = array->release;
  g->private_data = array->private_data;
  array->private_data = g;
  array->release = release_array;
  return 0;
}

/* ---- schemas ------------------------------------------------------------------------------- */

struct guarded_schema {
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

static void release_schema(struct ArrowSchema *schema) {
  if (cwc_forked()) {
    schema->release = NULL;
    return;
  }
  struct guarded_schema *g = schema->private_data;
  schema->release = g->release;
  schema->private_data = g->private_data;
  free(g);
  schema->release(schema);
}

static int guard_schema(struct ArrowSchema *schema) {
  if (!schema || !schema->release) return 0;
  for (int64_t i = 0; i < schema->n_children; i++)
    if (guard_schema(schema->children[i])) return ENOMEM;
  if (guard_schema(schema->dictionary)) return ENOMEM;
  struct guarded_schema *g = malloc(sizeof *g);
  if (!g) return ENOMEM;
  g->release = schema->release;
  g->private_data = schema->private_data;
  schema->private_data = g;
  schema->release = release_schema;
  return 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

static const char forked_message[] =
    "this process was forked after cogweave was loaded, and cogweave's tables cannot be read in it";

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  memset(out, 0, sizeof *out);
  if (cwc_forked()) return EIO;
  int code = inner->get_schema(inner, out);
  if (code == 0 && guard_schema(out)) {
    out->release(out);
    return ENOMEM;
  }
  return code;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  memset(out, 0, sizeof *out);
  if (cwc_forked()) return EIO;
  int code = inner->get_next(inner, out);
  if (code == 0 && guard_array(out)) {
    out->release(out);
    return ENOMEM;
  }
  return code;
}

static const char *stream_error(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  return cwc_forked() ? forked_message : inner->get_last_error(inner);
}

static void stream_release(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  stream->release = NULL;
  stream->private_data = NULL;
  if (cwc_forked()) return;
  inner->release(inner);
  free(inner);
}

int cwc_stream_guard(struct ArrowArrayStream *inner, struct ArrowArrayStream *out) {
  struct ArrowArrayStream *kept = malloc(sizeof *kept);
  if (!kept) {
    inner->release(inner);
    return ENOMEM;
  }
  *kept = *inner;
  out->get_schema = stream_schema;
  out->get_next = stream_next;
  out->get_last_error = stream_error;
  out->release = stream_release;
  out->private_data = kept;
  return 0;
}

void cwc_stream_release(struct ArrowArrayStream *stream) {
  if (stream && stream->release) stream->release(stream);
}
