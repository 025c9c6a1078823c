package cog

import (
	"math"
	"runtime"
	"slices"

	"cogweave/core"
)

// finish settles the tiling once all is known, and bounds the memory that one decoded tile takes.
func (m *image) finish(limits Limits) {
	l := &m.level
	if m.reader.err != nil {
		return
	}
	m.chop(limits)
	if size := l.decodedBytes(l.TileHeight); size > limits.MaxTileBytes {
		tag := uint16(tagRowsPerStrip)
		if l.Tiled {
			tag = tagTileWidth
		}
		m.reader.err = fail(tiffLimit, "%s: a tile of %d x %d pixels with %d samples of %d bits has %d bytes; %d are allowed",
			tagName(tag), l.TileWidth, l.TileHeight, l.Samples, l.Bits[0], size, limits.MaxTileBytes)
	}
}

// decodedBytes is the memory of a decoded tile of some rows, each sample in whole bytes;
// math.MaxInt64 where it does not fit.
func (l *Level) decodedBytes(rows int) int64 {
	perPixel := int64(l.Bits[0]+7) / 8
	if !l.Planar {
		perPixel *= int64(l.Samples)
	}
	return saturatingMul(perPixel*int64(l.TileWidth), int64(rows))
}

// storedBytes is the size of an uncompressed tile of some rows.
func (l *Level) storedBytes(rows int) int64 {
	samples, bits := int64(l.Samples), int64(l.Bits[0])
	if l.Planar {
		samples = 1
	}
	if h, v := int64(l.YCbCrSubsampling[0]), int64(l.YCbCrSubsampling[1]); h*v > 1 && samples == 3 {
		blocks := saturatingMul((int64(l.TileWidth)+h-1)/h, (int64(rows)+v-1)/v)
		return saturatingMul(blocks, (h*v+2)*bits) / 8
	}
	return saturatingMul((int64(l.TileWidth)*samples*bits+7)/8, int64(rows))
}

// saturatingMul multiplies non-negative numbers.
func saturatingMul(a, b int64) int64 {
	if b != 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// rowsOf is the number of rows stored in tile i: the last strip of a plane is shorter.
func (l *Level) rowsOf(i int) int {
	if l.Tiled {
		return l.TileHeight
	}
	_, strips := l.Grid()
	return min(l.TileHeight, l.Height-i%strips*l.TileHeight)
}

// readTiles reads the tile arrays. Where a sparse file has none, they stay empty.
func (m *image) readTiles(warn func(string, ...any)) {
	l, r := &m.level, &m.reader
	offsets, counts := m.either(tagTileOffsets, tagStripOffsets), m.either(tagTileByteCounts, tagStripByteCounts)
	if r.err != nil || offsets == nil {
		return
	}
	for _, e := range []*entry{offsets, counts} {
		if e != nil && e.count < m.tiles {
			r.err = fail(tiffLimit, "%s has %d values for %d tiles", tagName(e.tag), e.count, m.tiles)
			return
		}
		if e != nil && e.count > m.tiles {
			warn("%s has %d values for %d tiles", tagName(e.tag), e.count, m.tiles)
		}
	}
	both := make([]uint64, 2*m.tiles)
	l.Offsets, l.ByteCounts = both[:m.tiles:m.tiles], both[m.tiles:]
	m.readArray(l.Offsets, offsets)
	if counts == nil {
		l.ByteCounts = nil // estimateCounts will
	} else {
		m.readArray(l.ByteCounts, counts)
		m.mendSingleStrip()
	}
	if r.err != nil {
		return
	}
	l.dropSparse()
}

// dropSparse marks tiles at offset 0 as sparse, since no tile can lie there, and drops the arrays if
// nothing is stored at all.
func (l *Level) dropSparse() {
	stored := false
	for i, offset := range l.Offsets {
		if i%safepoint == safepoint-1 {
			runtime.Gosched()
		}
		if offset == 0 && l.ByteCounts != nil {
			l.ByteCounts[i] = 0
		}
		stored = stored || offset != 0
	}
	if !stored {
		l.Offsets, l.ByteCounts = nil, nil
	}
}

// either gives the entry of a tag or of its twin: libtiff, too, takes strip arrays for tiles.
func (m *image) either(tile, strip uint16) *entry {
	if !m.level.Tiled {
		tile, strip = strip, tile
	}
	if e := m.dir.find(tile); e != nil {
		return e
	}
	return m.dir.find(strip)
}

func (m *image) readArray(out []uint64, e *entry) {
	data, err := m.reader.file.bytesOf(e, m.tiles)
	if err == nil {
		err = m.reader.file.decodeUints(out, e, data)
	}
	if err != nil && m.reader.err == nil {
		m.reader.err = err
	}
}

// mendSingleStrip replaces the byte count of an uncompressed image of one strip where it cannot be
// true; writers of such files often leave it 0, and libtiff does the same.
func (m *image) mendSingleStrip() {
	l := &m.level
	if l.Tiled || l.Compression != Uncompressed || m.tiles != 1 || l.Offsets[0] == 0 {
		return
	}
	if want := uint64(l.storedBytes(l.Height)); l.ByteCounts[0] < want {
		l.ByteCounts[0] = want
	}
}

// estimateCounts fills in missing byte counts: the exact size of an uncompressed tile; for another
// one the gap to what is stored next, as libtiff does.
func estimateCounts(images []image, fileSize int64) {
	var starts []uint64
	for i := range images {
		m := &images[i]
		l := &m.level
		if m.reader.err != nil || l.Offsets == nil || l.ByteCounts != nil {
			continue
		}
		if starts == nil && l.Compression != Uncompressed {
			starts = tileStarts(images)
		}
		l.ByteCounts = make([]uint64, len(l.Offsets))
		for t, offset := range l.Offsets {
			if offset == 0 {
				continue
			}
			if l.Compression == Uncompressed {
				l.ByteCounts[t] = uint64(l.storedBytes(l.rowsOf(t)))
				continue
			}
			end := uint64(fileSize)
			if next, _ := slices.BinarySearch(starts, offset+1); next < len(starts) {
				end = min(end, starts[next])
			}
			if end <= offset {
				m.reader.err = fail(tileRange, "%s is missing, and where tile %d ends cannot be told", tagName(tagTileByteCounts), t)
				break
			}
			l.ByteCounts[t] = end - offset
		}
	}
}

// tileStarts lists the offsets of all tiles and directories of the file, ascending.
func tileStarts(images []image) []uint64 {
	var starts []uint64
	for i := range images {
		starts = append(starts, uint64(images[i].dir.offset))
		starts = append(starts, images[i].level.Offsets...)
	}
	slices.Sort(starts)
	return starts
}

// chopBytes is the size above which an uncompressed image of one strip is read in parts.
const chopBytes = 1 << 20

// chop cuts an uncompressed image of one strip per plane into strips of about chopBytes, so that a
// window of it can be read alone. Only bytes that the file has are cut.
func (m *image) chop(limits Limits) {
	l := &m.level
	_, strips := l.Grid()
	if l.Tiled || l.Compression != Uncompressed || strips != 1 || l.YCbCrSubsampling != [2]int{1, 1} || len(l.ByteCounts) == 0 {
		return
	}
	whole, row := uint64(l.storedBytes(l.Height)), l.storedBytes(1)
	if whole <= chopBytes {
		return
	}
	for i, offset := range l.Offsets {
		if l.ByteCounts[i] < whole || !m.reader.file.holds(offset, whole) {
			return
		}
	}
	first, height := l.Offsets, int(max(1, chopBytes/row))
	strips = (l.Height + height - 1) / height
	if int64(strips) > limits.MaxTiles/int64(len(first)) { // how large the file is, only its server says
		return
	}
	l.TileHeight = height
	m.tiles = uint64(strips * len(first))
	both := make([]uint64, 2*m.tiles)
	l.Offsets, l.ByteCounts = both[:m.tiles:m.tiles], both[m.tiles:]
	for i := range l.Offsets {
		plane, strip := i/strips, i%strips
		l.Offsets[i] = first[plane] + uint64(strip)*uint64(l.TileHeight)*uint64(row)
		l.ByteCounts[i] = uint64(l.storedBytes(l.rowsOf(i)))
	}
}

// holds tells whether bytes are known to lie inside the file.
func (f *file) holds(offset, n uint64) bool {
	return f.size > 0 && offset <= uint64(f.size) && n <= uint64(f.size)-offset
}

// CheckTile tells whether the bytes of tile i of a level of h can be asked for: they lie inside the
// file, do not cut into a neighbouring tile, and are no more than the limits allow. A tile is checked
// when it is used, since a file with one bad tile is good for all others. A sparse tile passes.
func (h *Header) CheckTile(level *Level, i int, limits Limits) error {
	if i < 0 || i >= level.tileCount() {
		return fail(tileRange, "tile %d of %d", i, level.tileCount()).WithHref(h.Href)
	}
	if _, stored := level.TileRange(i); !stored {
		return nil
	}
	limits = limits.orDefault()
	offset, count := level.Offsets[i], level.ByteCounts[i]
	limit := limits.MaxCompressedTile
	if level.Compression == Uncompressed { // its decoded size was checked when the header was read
		limit = max(limit, level.storedBytes(level.TileHeight))
	}
	var err *core.Error
	switch {
	case count > uint64(limit):
		err = fail(tileRange, "tile %d has %d bytes; %d are allowed", i, count, limit)
	case offset > math.MaxInt64-count:
		err = fail(tileRange, "tile %d begins at byte %d, beyond any file", i, offset)
	case h.Size > 0 && offset+count > uint64(h.Size):
		err = fail(tileRange, "tile %d ends at byte %d of a file of %d bytes", i, offset+count, h.Size)
	case level.cutsInto(i, i-1) || level.cutsInto(i, i+1):
		err = fail(tileRange, "the bytes of tile %d overlap those of a neighbour", i)
	default:
		return nil
	}
	if r, ok := level.TileRange(i); ok {
		err.Range = &r
	}
	return err.WithHref(h.Href)
}

// cutsInto tells whether two tiles share some of their bytes. Sharing all of them is a legal way to
// store equal tiles once.
func (l *Level) cutsInto(i, j int) bool {
	if j < 0 || j >= len(l.ByteCounts) || l.ByteCounts[j] == 0 || l.Offsets[i] == l.Offsets[j] {
		return false
	}
	a, b := i, j
	if l.Offsets[a] > l.Offsets[b] {
		a, b = b, a
	}
	return l.Offsets[b]-l.Offsets[a] < l.ByteCounts[a]
}

// tileCount is the number of tiles of the level, stored or not.
func (l *Level) tileCount() int {
	cols, rows := l.Grid()
	if l.Planar {
		return cols * rows * l.Samples
	}
	return cols * rows
}
