// Package cogfile writes a raster as a Cloud-Optimized GeoTIFF, with GDAL's COG driver.
//
// The pixels are painted into a file without a name beside the output, mapped into memory: a mosaic larger than the
// memory is the kernel's to page out, and none is held twice. GDAL sees that memory as a dataset and copies it
// into a folder beside the output, where it keeps its temporary files too. What is complete is renamed.
package cogfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/airbusgeo/godal"
	"golang.org/x/sys/unix"

	"cogweave/core"
	"cogweave/mosaic/gdal"
)

// Raster is what a file holds: layers of one size and one type, on a grid.
type Raster struct {
	Grid   core.Grid
	DType  core.DType
	NoData core.NoData
	// Whole: every value is one, those of cells that nothing covers too.
	Whole bool
	// Layers in the order of the file.
	Layers []Layer
	// OverviewResampling is one of OverviewResamplings; "" chooses by the dtype.
	OverviewResampling string
	// Threads compress.
	Threads int
}

// Layer is one band of a file.
type Layer struct {
	Name string
	// Plane is its position among the planes that are painted.
	Plane int
	// Scale and Offset give physical values; 1 and 0 where there is nothing to tell.
	Scale, Offset float64
	// Colour is red, green or blue where the layer is that part of a picture.
	Colour string
}

// Paint writes every plane, one after another, row-major, and where valid is not nil a byte for each pixel: 0 where nothing
// gave it a value.
type Paint func(ctx context.Context, pixels, valid []byte) error

// Write paints a raster and writes it to a path, replacing what is there. It takes disk space for the raw pixels, and a byte
// for each where a mask may be needed, beside that of the file, and leaves nothing behind when it fails.
func Write(ctx context.Context, path string, r Raster, paint Paint) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := initialise(); err != nil {
		return err
	}
	path, err := target(path)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return failed(path, err)
	}
	defer os.RemoveAll(folder)
	s, err := newSurface(folder, r)
	if err != nil {
		return failed(path, err)
	}
	defer s.close()
	if err := paint(ctx, s.pixels, s.valid); err != nil {
		return err
	}
	if err := s.findMask(ctx); err != nil {
		return err
	}
	done := filepath.Join(folder, filepath.Base(path))
	if err := s.copy(ctx, done); err != nil {
		return failed(path, err)
	}
	if err := os.Rename(done, path); err != nil {
		return failed(path, err)
	}
	return nil
}

// target gives the absolute path to write to, or says why nothing can be written there.
func target(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", failed(path, err)
	}
	if at, err := os.Stat(path); err == nil && at.IsDir() {
		return "", core.Errorf(core.InvalidArgument, "Output", "output %q is a folder", path)
	}
	if at, err := os.Stat(filepath.Dir(path)); err != nil || !at.IsDir() {
		return "", core.Errorf(core.InvalidArgument, "Output", "output %q: there is no folder %q", path, filepath.Dir(path))
	}
	return path, nil
}

// failed says that a file cannot be written, and why. Names of temporary files are left out.
func failed(path string, err error) error {
	var own *core.Error
	if errors.As(err, &own) {
		return own
	}
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err
	}
	if errors.Is(err, unix.ENOSPC) {
		return core.Errorf(core.Internal, CannotWrite, "cannot write %q: the disk is full", path)
	}
	return core.Errorf(core.Internal, CannotWrite, "cannot write %q: %w", path, err)
}

// CannotWrite is the reason of an error of the output's: a full disk, a folder that may not be written to.
const CannotWrite = "CannotWrite"

var initialise = sync.OnceValue(func() error {
	if err := gdal.Init(); err != nil {
		return err
	}
	if err := godal.RegisterRaster(godal.VRT, "COG"); err != nil {
		return core.Errorf(core.Internal, "GDALDrivers", "GDAL has no COG or VRT driver: %w", err)
	}
	return nil
})
