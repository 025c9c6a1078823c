package cog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cogweave/core"
)

// Read reads the header of one TIFF or BigTIFF. It asks src for the first 16 KiB, for more where the
// directories go on, each time twice as much, and at last for exactly the tag values that are still
// missing, all at once. Header.ETag is left to the caller, who knows it.
//
// The error is a core.Error of class DecodeError with one of the reasons NotATiff, IFDLoop,
// TooManyIFDs, TiffLimit, TiffUnsupported, Truncated, TileOutOfRange and GeoReferenceError, or the
// error that src gave. Oddities that do no harm become Header.Warnings.
func Read(ctx context.Context, src Source, href string, limits Limits) (*Header, error) {
	h, _, err := ReadPieces(ctx, src, href, limits)
	return h, err
}

// ReadPieces is Read, and gives the bytes of the file that it looked at, a few of those between
// included: with a Replay of them the same header can be had again.
func ReadPieces(ctx context.Context, src Source, href string, limits Limits) (*Header, []Piece, error) {
	h := &Header{Href: core.StripSignature(href)}
	f, err := openFile(ctx, src)
	if err == nil {
		err = h.read(f, limits.orDefault())
	}
	if err != nil {
		var e *core.Error
		if errors.As(err, &e) && e.Href == "" {
			named := *e
			return nil, nil, named.WithHref(href)
		}
		return nil, nil, err
	}
	return h, f.pieces(), nil
}

func (h *Header) read(f *file, limits Limits) error {
	first, err := f.readMagic(h)
	if err != nil {
		return err
	}
	w := walk{file: f, layout: classicLayout, max: limits.MaxIFDs, dirs: make([]directory, 0, 8)}
	if h.BigTIFF {
		w.layout = bigLayout
	}
	h.readGhost(f, w.layout)
	if err := w.chain(first, h.warn); err != nil {
		return err
	}
	images, err := h.readImages(f, w.dirs, limits)
	if err != nil {
		return err
	}
	if err := images[0].reader.err; err != nil {
		return err
	}
	h.buildPyramid(images)
	h.Size = f.size
	if err := h.readGeoref(&images[0]); err != nil {
		return err
	}
	h.readMetadata(&images[0])
	return nil
}

// readImages reads the main image, its overviews and its masks. What goes wrong with one of them is
// in its reader.
func (h *Header) readImages(f *file, dirs []directory, limits Limits) ([]image, error) {
	images := make([]image, 0, len(dirs))
	pages := 0
	for i := range dirs {
		m := newImage(f, &dirs[i], i == 0, limits)
		if m.role == otherPage {
			pages++
			continue
		}
		images = append(images, m)
	}
	if pages > 0 {
		h.warn("%d further pages are ignored: the first directory is the dataset", pages)
	}
	if err := fetchValues(f, images, limits); err != nil {
		return nil, err
	}
	for i := range images {
		m := &images[i]
		if m.reader.err != nil {
			continue
		}
		var like *Level
		if i > 0 && images[0].reader.err == nil {
			like = &images[0].level
		}
		if m.readPixels(like); m.reader.err == nil {
			m.readTiles(h.warn)
		}
	}
	estimateCounts(images, f.size)
	for i := range images {
		images[i].finish(limits)
	}
	return images, nil
}

// fetchValues fetches the tag values of all images that lie outside what was read.
func fetchValues(f *file, images []image, limits Limits) error {
	ranges := make([]core.ByteRange, 0, 64)
	tiles, total := int64(0), int64(0)
	for i := range images {
		m := &images[i]
		ranges = m.wanted(ranges, limits)
		tiles += int64(m.tiles)
	}
	for _, r := range ranges {
		total += r.Len()
	}
	// Arrays that all lie on the same bytes would make a small file cost much memory.
	if tiles > 2*limits.MaxTiles || (f.size > 0 && total > f.size) {
		return fail(tiffLimit, "%s: the tile arrays of %d images have %d bytes", tagName(tagTileOffsets), len(images), total)
	}
	return f.fetch(ranges)
}

const maxWarnings = 32

// warn notes an oddity, for one log line.
func (h *Header) warn(format string, args ...any) {
	if len(h.Warnings) < maxWarnings {
		h.Warnings = append(h.Warnings, core.Redact(fmt.Sprintf(format, args...)))
	}
}

// buildPyramid sorts the images into levels and their masks. An image that does not fit is ignored
// with a warning; the main image is known to be good.
func (h *Header) buildPyramid(images []image) {
	main := &images[0].level
	h.Levels = make([]Level, 1, len(images))
	h.Levels[0] = *main
	for i := range images[1:] {
		m := &images[1+i]
		if m.role != overview {
			continue
		}
		if why := m.unfit(main, h.Levels); why != "" {
			h.warn("an overview of %d x %d pixels is ignored: %s", m.level.Width, m.level.Height, why)
			continue
		}
		h.Levels = append(h.Levels, m.level)
	}
	slices.SortStableFunc(h.Levels[1:], func(a, b Level) int {
		if a.Width != b.Width {
			return b.Width - a.Width
		}
		return b.Height - a.Height
	})
	h.Masks = make([]Level, len(h.Levels))
	for i := range images[1:] {
		if m := &images[1+i]; m.role == mask {
			h.addMask(m)
		}
	}
}

// unfit tells why an image is no overview of main, or gives "".
func (m *image) unfit(main *Level, levels []Level) string {
	l := &m.level
	switch {
	case m.reader.err != nil:
		return m.reader.err.Error()
	case l.Samples != main.Samples:
		return fmt.Sprintf("it has %d samples, the full resolution %d", l.Samples, main.Samples)
	case l.DType() != main.DType() || l.Format != main.Format || l.Bits[0] != main.Bits[0]:
		return "its sample type is not that of the full resolution"
	case l.Width > main.Width || l.Height > main.Height || (l.Width == main.Width && l.Height == main.Height):
		return "it is not smaller than the full resolution"
	}
	for i := range levels {
		if levels[i].Width == l.Width && levels[i].Height == l.Height {
			return "there is one of this size already"
		}
	}
	return ""
}

// addMask gives a mask to the level of its size.
func (h *Header) addMask(m *image) {
	l := &m.level
	if m.reader.err != nil {
		h.warn("a mask is ignored: %v", m.reader.err)
		return
	}
	if l.Format != Unsigned || (l.Bits[0] != 1 && l.Bits[0] != 8) {
		h.warn("a mask of %d x %d pixels is ignored: it has %d bits", l.Width, l.Height, l.Bits[0])
		return
	}
	if l.Samples != 1 && l.Samples != h.Levels[0].Samples {
		h.warn("a mask of %d x %d pixels is ignored: it has %d samples", l.Width, l.Height, l.Samples)
		return
	}
	for i := range h.Levels {
		if h.Levels[i].Width == l.Width && h.Levels[i].Height == l.Height && h.Masks[i].Width == 0 {
			h.Masks[i] = *l
			return
		}
	}
	h.warn("a mask of %d x %d pixels is ignored: no level has this size", l.Width, l.Height)
}

// orDefault puts the default in place of every limit that is not set.
func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.MaxIFDs <= 0 {
		l.MaxIFDs = d.MaxIFDs
	}
	if l.MaxTagBytes <= 0 {
		l.MaxTagBytes = d.MaxTagBytes
	}
	if l.MaxTiles <= 0 {
		l.MaxTiles = d.MaxTiles
	}
	if l.MaxTileBytes <= 0 {
		l.MaxTileBytes = d.MaxTileBytes
	}
	if l.MaxCompressedTile <= 0 {
		l.MaxCompressedTile = d.MaxCompressedTile
	}
	return l
}
