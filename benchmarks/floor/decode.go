package main

/*
#cgo CFLAGS: -O3 -Wall -Wextra -Werror
#cgo LDFLAGS: -lisal -ldeflate
#include "floor.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// decoder is one worker's scratch memory and state.
type decoder struct {
	state   *C.floor_state
	scratch []byte
}

func newDecoder() *decoder { return &decoder{state: C.floor_new()} }

// inflate fills the scratch memory with the first want of a tile's whole bytes.
func (d *decoder) inflate(data []byte, want, whole int) error {
	if len(d.scratch) < whole {
		d.scratch = make([]byte, whole)
	}
	code := C.floor_inflate(d.state, (*C.uint8_t)(&data[0]), C.size_t(len(data)),
		(*C.uint8_t)(&d.scratch[0]), C.size_t(want), C.size_t(whole))
	if code != 0 {
		return fmt.Errorf("inflate: code %d", code)
	}
	return nil
}

// copy undoes the predictor and writes what a tile has of the box (row, col, height, width) of its level.
func (d *decoder) copy(w *window, t tile, out []uint16, row, col, height, width, stride int) {
	first, last := max(t.Row, row), min(t.Row+t.Rows, row+height)
	left, right := max(t.Col, col), min(t.Col+w.Side, col+width)
	if first >= last || left >= right {
		return
	}
	C.floor_rows((*C.uint8_t)(&d.scratch[0]), C.int(w.Bytes), C.int(w.Side), C.int(first-t.Row), C.int(last-t.Row),
		C.int(left-t.Col), C.int(right-t.Col), (*C.uint16_t)(&out[(first-row)*stride+left-col]), C.int(stride))
}

// sum undoes the predictor of a tile's rows and writes them nowhere.
func (d *decoder) sum(side, rows, bytes int) {
	C.floor_rows((*C.uint8_t)(&d.scratch[0]), C.int(bytes), C.int(side), 0, C.int(rows), 0, C.int(side), nil, 0)
}

var kernels = map[string]C.int{"nearest": 0, "bilinear": 1, "cubic": 2}

// warp resamples the rows [first, last) of an output.
func warp(w *window, l *lattice, out *output, first, last int) {
	height := len(out.source) / out.cols
	C.floor_warp(kernels[w.Kernel], (*C.uint16_t)(unsafe.SliceData(out.source)), C.int(out.cols), C.int(height),
		C.double(out.col), C.double(out.row), (*C.double)(&l.X[0]), (*C.double)(&l.Y[0]), C.int(l.Cols), C.int(l.Step),
		(*C.uint16_t)(unsafe.SliceData(out.pixels)), C.int(w.Width), C.int(first), C.int(last))
}
