package warp

/*
#cgo noescape warp_interpolate
#cgo nocallback warp_interpolate
#cgo noescape warp_interpolate_at
#cgo nocallback warp_interpolate_at
#include "warp.h"
*/
import "C"

import (
	"fmt"

	"cogweave/core/lattice"
)

// blockHolds tells whether rows and columns are of a block, or of the far corners of its last cells.
func blockHolds(row0, rows, col0, cols int) bool {
	return row0 >= 0 && col0 >= 0 && rows >= 0 && cols >= 0 && row0+rows <= lattice.Block+1 && col0+cols <= lattice.Block+1
}

// Interpolate gives the source coordinates of the target pixels in rows [row0, row0+rows) and columns
// [col0, col0+cols) of a block, counted from the block's first node, row-major into xs and ys. Node (p,
// q) of nodeX and nodeY, at p*nodesPerRow+q, holds the coordinates of pixel (p*step, q*step). Between
// nodes it is linear, first in y, then in x; the same pixel gives the same bits however it is asked for.
// step is a power of two up to 64; with step 1 each pixel has its own node. Row and column 64 exist for the
// far corners of the block's last pixels, where there are nodes for them.
func Interpolate(nodeX, nodeY []float64, nodesPerRow, step int, row0, rows, col0, cols int, xs, ys []float64) {
	n := rows * cols
	if !blockHolds(row0, rows, col0, cols) || len(xs) < n || len(ys) < n {
		panic(fmt.Sprintf("warp: Interpolate rows %d+%d, columns %d+%d into %d and %d", row0, rows, col0, cols, len(xs), len(ys)))
	}
	if n == 0 {
		return
	}
	checkNodes(nodeX, nodeY, nodesPerRow, step, row0+rows-1, col0+cols-1)
	C.warp_interpolate((*C.double)(&nodeX[0]), (*C.double)(&nodeY[0]), C.int(nodesPerRow), C.int(step),
		C.int(row0), C.int(rows), C.int(col0), C.int(cols), (*C.double)(&xs[0]), (*C.double)(&ys[0]))
}

// InterpolateAt is Interpolate for scattered pixels: pixel i is (rows[i], cols[i]).
func InterpolateAt(nodeX, nodeY []float64, nodesPerRow, step int, rows, cols []int32, xs, ys []float64) {
	n := len(rows)
	if len(cols) < n || len(xs) < n || len(ys) < n {
		panic(fmt.Sprintf("warp: InterpolateAt of %d rows, %d columns into %d and %d", n, len(cols), len(xs), len(ys)))
	}
	if n == 0 {
		return
	}
	var row, col int32
	for i := range n {
		if rows[i] < 0 || cols[i] < 0 {
			panic("warp: InterpolateAt of a negative pixel")
		}
		row, col = max(row, rows[i]), max(col, cols[i])
	}
	checkNodes(nodeX, nodeY, nodesPerRow, step, int(row), int(col))
	C.warp_interpolate_at((*C.double)(&nodeX[0]), (*C.double)(&nodeY[0]), C.int(nodesPerRow), C.int(step),
		(*C.int32_t)(&rows[0]), (*C.int32_t)(&cols[0]), C.ptrdiff_t(n), (*C.double)(&xs[0]), (*C.double)(&ys[0]))
}

// checkNodes panics where C would read a node that is not there.
func checkNodes(nodeX, nodeY []float64, nodesPerRow, step, lastRow, lastCol int) {
	ok := step >= 1 && step <= lattice.Block && step&(step-1) == 0
	if ok {
		// A pixel on a node needs no other one.
		row, col := (lastRow+step-1)/step, (lastCol+step-1)/step
		ok = col < nodesPerRow && row*nodesPerRow+col < min(len(nodeX), len(nodeY))
	}
	if !ok {
		panic(fmt.Sprintf("warp: %d and %d nodes, %d to a row, step %d, do not reach pixel (%d, %d)",
			len(nodeX), len(nodeY), nodesPerRow, step, lastRow, lastCol))
	}
}
