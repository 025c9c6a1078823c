package cogfile

// #cgo CFLAGS: -Wall -Wextra -Werror
// #cgo pkg-config: gdal
// #include <stdlib.h>
// #include "copy.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"

	"github.com/airbusgeo/godal"

	"cogweave/core"
)

// block is the side of a tile. Overviews are made until one tile holds the whole.
const block = 512

// copy writes the surface to a path. It ends soon after ctx does.
func (s *surface) copy(ctx context.Context, path string) error {
	painted, err := s.dataset()
	if err != nil {
		return err
	}
	defer painted.Close(quiet)
	ordered, err := painted.Translate("", s.switches(), godal.VRT, quiet)
	if err != nil {
		return err
	}
	defer ordered.Close(quiet)
	if err := s.describe(ordered.Bands()); err != nil {
		return err
	}
	return write(ctx, ordered, path, s.creation(), s.folder)
}

// quiet lets GDAL's warnings pass.
var quiet = godal.ErrLogger(func(category godal.ErrorCategory, _ int, message string) error {
	if category < godal.CE_Failure {
		return nil
	}
	return errors.New(message)
})

// dataset shows the memory to GDAL as it is: planes, and the mask last where there is one.
func (s *surface) dataset() (*godal.Dataset, error) {
	name := fmt.Sprintf("MEM:::DATAPOINTER=%p,PIXELS=%d,LINES=%d,BANDS=%d,DATATYPE=%s,BANDOFFSET=%d",
		unsafe.Pointer(unsafe.SliceData(s.pixels)), s.Grid.Cols, s.Grid.Rows, len(s.Layers), typeName(s.DType), len(s.pixels)/len(s.Layers))
	// GDAL from 3.10 on opens memory only where it is told that this is meant.
	ds, err := godal.Open(name, godal.Drivers("MEM"), godal.RasterOnly(), godal.ConfigOption("GDAL_MEM_ENABLE_OPEN=YES"), quiet)
	if err != nil {
		return nil, err
	}
	t := s.Grid.Transform
	if err := ds.SetGeoTransform([6]float64{t.C, t.A, t.B, t.F, t.D, t.E}, quiet); err != nil {
		ds.Close(quiet)
		return nil, err
	}
	if s.DType == core.Int8 { // GDAL before 3.7 has signed bytes as bytes with a remark
		for _, band := range ds.Bands() {
			if err := band.SetMetadata("PIXELTYPE", "SIGNEDBYTE", godal.Domain("IMAGE_STRUCTURE"), quiet); err != nil {
				ds.Close(quiet)
				return nil, err
			}
		}
	}
	if s.mask != nil && C.cw_cog_add_bytes(handle(ds), unsafe.Pointer(unsafe.SliceData(s.mask))) != 0 {
		ds.Close(quiet)
		return nil, errors.New("GDAL takes no mask beside pixels in memory")
	}
	return ds, nil
}

// typeName is a dtype as GDAL calls it.
func typeName(d core.DType) string {
	switch d {
	case core.UInt8, core.Int8:
		return "Byte"
	case core.UInt16:
		return "UInt16"
	case core.Int16:
		return "Int16"
	case core.UInt32:
		return "UInt32"
	case core.Int32:
		return "Int32"
	case core.UInt64:
		return "UInt64"
	case core.Int64:
		return "Int64"
	case core.Float32:
		return "Float32"
	case core.Complex64:
		return "CFloat32"
	case core.Complex128:
		return "CFloat64"
	}
	return "Float64"
}

// switches are gdal_translate's: which planes make the bands, in their order, and what they mean.
func (s *surface) switches() []string {
	args := []string{"-a_srs", s.Grid.CRS}
	for _, layer := range s.Layers {
		args = append(args, "-b", strconv.Itoa(layer.Plane+1))
	}
	if s.mask != nil {
		args = append(args, "-mask", strconv.Itoa(len(s.Layers)+1))
	}
	if s.NoData.Set {
		args = append(args, "-a_nodata", strconv.FormatFloat(s.NoData.Value, 'g', -1, 64))
	}
	return args
}

// describe names the bands and says what their values mean.
func (s *surface) describe(bands []godal.Band) error {
	colours := map[string]godal.ColorInterp{"red": godal.CIRed, "green": godal.CIGreen, "blue": godal.CIBlue}
	for i, layer := range s.Layers {
		if err := bands[i].SetDescription(layer.Name, quiet); err != nil {
			return err
		}
		if layer.Scale != 1 || layer.Offset != 0 {
			if err := bands[i].SetScaleOffset(layer.Scale, layer.Offset, quiet); err != nil {
				return err
			}
		}
		if colour, ok := colours[layer.Colour]; ok {
			if err := bands[i].SetColorInterp(colour, quiet); err != nil {
				return err
			}
		}
	}
	return nil
}

// creation are the options of GDAL's COG driver.
func (s *surface) creation() []string {
	predictor := "YES" // by the type: differences of integers, bytes of floats apart
	if s.DType.Size() == 1 || s.DType.IsComplex() {
		predictor = "NO"
	}
	return []string{
		"COMPRESS=DEFLATE", "PREDICTOR=" + predictor, "BLOCKSIZE=" + strconv.Itoa(block), "BIGTIFF=IF_SAFER",
		"OVERVIEW_RESAMPLING=" + s.overviews(), "NUM_THREADS=" + strconv.Itoa(max(1, s.Threads)),
	}
}

// write runs GDAL's copy, and stops it when ctx ends.
func write(ctx context.Context, ds *godal.Dataset, path string, options []string, folder string) error {
	job := (*C.cw_cog_copy)(C.calloc(1, C.sizeof_cw_cog_copy))
	defer C.free(unsafe.Pointer(job))
	cPath, cFolder := C.CString(path), C.CString(folder)
	defer C.free(unsafe.Pointer(cPath))
	defer C.free(unsafe.Pointer(cFolder))
	list := C.calloc(C.size_t(len(options)+1), C.size_t(unsafe.Sizeof(cPath)))
	defer C.free(list)
	cOptions := unsafe.Slice((**C.char)(list), len(options)+1)
	for i, option := range options {
		cOptions[i] = C.CString(option)
		defer C.free(unsafe.Pointer(cOptions[i]))
	}
	stopped := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		C.cw_cog_stop(job)
		close(stopped)
	})
	result := C.cw_cog_write(job, handle(ds), cPath, (**C.char)(list), cFolder)
	if !unwatch() {
		<-stopped // the job's memory is about to go
		return core.Errorf(core.Cancelled, "Cancelled", "writing was cancelled: %w", ctx.Err())
	}
	if result != 0 {
		return errors.New(strings.ReplaceAll(C.GoString(&job.message[0]), folder+"/", ""))
	}
	return nil
}

// handle is the dataset as GDAL knows it, which godal keeps to itself.
func handle(ds *godal.Dataset) unsafe.Pointer {
	return reflect.ValueOf(ds).Elem().Field(0).Field(0).UnsafePointer()
}
