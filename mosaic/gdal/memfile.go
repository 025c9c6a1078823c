package gdal

// #cgo CFLAGS: -Wall -Wextra -Werror
// #cgo pkg-config: gdal
// #include <cpl_vsi.h>
// #include <stdlib.h>
// #include <string.h>
//
// // Copies both parts into a file of GDAL's in-memory file system, which owns the copy from then on.
// static int cw_memory_file(const char *name, const void *head, size_t head_size, const void *body, size_t body_size) {
//   char *bytes = VSIMalloc(head_size + body_size);
//   if (bytes == NULL) return 0;
//   memcpy(bytes, head, head_size);
//   memcpy(bytes + head_size, body, body_size);
//   VSILFILE *file = VSIFileFromMemBuffer(name, (GByte *)bytes, head_size + body_size, TRUE);
//   if (file == NULL) {
//     VSIFree(bytes);
//     return 0;
//   }
//   VSIFCloseL(file);
//   return 1;
// }
import "C"

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"unsafe"

	"cogweave/core"
)

// directory is ours alone in GDAL's in-memory file system, which other users of the same libgdal share.
var directory = "/vsimem/cogweave-" + rand.Text() + "/"

var counter atomic.Uint64

// memoryFile is a file in GDAL's memory that lives for one decode.
type memoryFile struct{ name string }

func newMemoryFile(head, body []byte) (memoryFile, error) {
	f := memoryFile{fmt.Sprintf("%s%d.tif", directory, counter.Add(1))}
	name := C.CString(f.name)
	defer C.free(unsafe.Pointer(name))
	if C.cw_memory_file(name, bytes(head), C.size_t(len(head)), bytes(body), C.size_t(len(body))) == 0 {
		return f, core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for a tile of %d bytes", len(body))
	}
	return f, nil
}

func (f memoryFile) remove() {
	name := C.CString(f.name)
	defer C.free(unsafe.Pointer(name))
	C.VSIUnlink(name)
}

func bytes(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
