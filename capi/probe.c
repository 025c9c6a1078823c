//go:build probe

/* C entries of the panic probe (probe.go), in the manner of entry.c. */
#include "guard.h"
#include "_cgo_export.h"

cw_status cw_probe_panic(char **error) { return cwgo_probe_panic(error); }
cw_status cw_probe_bounds(int64_t at, char **error) { return cwgo_probe_bounds(at, error); }
cw_status cw_probe_operation(cw_handle queue, cw_handle *op, char **error) {
  return cwgo_probe_operation(queue, op, error);
}
cw_status cw_probe_goroutine(cw_handle queue, cw_handle *op, char **error) {
  return cwgo_probe_goroutine(queue, op, error);
}
cw_status cw_probe_sleep(cw_handle queue, cw_handle *op, char **error) { return cwgo_probe_sleep(queue, op, error); }
cw_status cw_probe_nothing(cw_handle queue, cw_handle *op, char **error) {
  return cwgo_probe_nothing(queue, op, error);
}
cw_status cw_probe_ask(cw_handle queue, int64_t count, cw_handle *op, char **error) {
  return cwgo_probe_ask(queue, count, op, error);
}
cw_status cw_probe_pixels(cw_handle queue, int64_t bytes, cw_handle *op, char **error) {
  return cwgo_probe_pixels(queue, bytes, op, error);
}
