package crs

/*
#cgo pkg-config: proj
#cgo CFLAGS: -Wall -Wextra -Werror
#include <proj.h>
#include <stdlib.h>

static void silent(void *data, int level, const char *text) {
	(void)data;
	(void)level;
	(void)text;
}

// make_formula makes a transform without PROJ's database, of which it has no need: opening it takes 4 ms.
static PJ *make_formula(const char *pipeline) {
	PJ_CONTEXT *context = proj_context_create();
	const char *nowhere = "/dev/null";
	proj_log_func(context, NULL, silent);
	proj_context_set_search_paths(context, 1, &nowhere);
	PJ *made = proj_create(context, pipeline);
	if (made == NULL)
		proj_context_destroy(context);
	return made;
}

static void apply(PJ *formula, double *x, double *y, size_t n) {
	proj_trans_generic(formula, PJ_FWD, x, sizeof *x, n, y, sizeof *y, n, NULL, 0, 0, NULL, 0, 0);
}
*/
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// Most archives and most grids are in a UTM zone of WGS 84, in Web Mercator or in degrees. These share their datum, so that
// the one operation between any two of them is a formula (EPSG guidance note 7-2, sections 3.2.2, 3.2.1.2 and 3.1.1).

// stepTo is the formula from longitude and latitude of WGS 84 in radians to a code, as a step of a PROJ pipeline; "" if
// the code is none of these.
func stepTo(code string) string {
	digits, ok := strings.CutPrefix(code, "EPSG:")
	if !ok {
		return ""
	}
	n, err := strconv.Atoi(digits)
	if err != nil || EPSG(n) != code {
		return ""
	}
	switch {
	case n == 4326:
		return "+proj=unitconvert +xy_in=rad +xy_out=deg"
	case n == 3857:
		return "+proj=webmerc +ellps=WGS84"
	case 32601 <= n && n <= 32660:
		return fmt.Sprintf("+proj=utm +zone=%d +ellps=WGS84", n-32600)
	case 32701 <= n && n <= 32760:
		return fmt.Sprintf("+proj=utm +zone=%d +south +ellps=WGS84", n-32700)
	}
	return ""
}

// formula is a transform by formulas alone. It lasts as long as the process.
type formula struct{ pj *C.PJ }

// newFormula makes the transform between two codes; nil where a step of it is not known.
func newFormula(src, dst string) operation {
	from, to := stepTo(src), stepTo(dst)
	if from == "" || to == "" {
		return nil
	}
	pipeline := C.CString("+proj=pipeline +step +inv " + from + " +step " + to)
	defer C.free(unsafe.Pointer(pipeline))
	if pj := C.make_formula(pipeline); pj != nil {
		return formula{pj}
	}
	return nil
}

func (f formula) apply(x, y []float64) {
	C.apply(f.pj, (*C.double)(&x[0]), (*C.double)(&y[0]), C.size_t(len(x)))
}
