package cog

import (
	"context"
	"math"
	"testing"

	"cogweave/core"
)

// FuzzRead looks for headers that break a promise.
func FuzzRead(f *testing.F) {
	for _, v := range variants() {
		keys := v.short(tagGeoKeys, 1, 1, 0, 2, keyModelType, 0, 1, 1, keyProjected, 0, 1, 32633)
		v.lead = []byte("GDAL_STRUCTURAL_METADATA_SIZE=000028 bytes\nBLOCK_LEADER=SIZE_AS_UINT4\n")
		v.dirs = []dir{
			{tags: v.tiled(100, 100, 64, text(tagGDALNoData, "7"), text(tagGDALMetadata, "<GDALMetadata/>"), keys, v.double(tagPixelScale, 10, 10, 0))},
			{tags: v.tiled(50, 50, 64, v.long(tagNewSubfileType, 1))}, {tags: v.tiled(100, 100, 64, v.long(tagNewSubfileType, 4))},
		}
		f.Add(v.bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, hide := range []bool{false, true} {
			src := &memory{data: data, hideSize: hide}
			h, err := Read(context.Background(), src, "fuzz.tif", Limits{})
			if err == nil {
				checkHeader(t, "fuzz", h)
			} else if core.ClassOf(err) != core.DecodeError {
				t.Fatal(err)
			}
		}
	})
}

// fuzzTags parses an image with some tags of its own, and checks what every header promises.
func fuzzTags(t *testing.T, f *tiff, tags ...tag) *Header {
	f.dirs = []dir{{tags: f.tiled(100, 100, 64, tags...)}}
	h, err := parse(f.bytes())
	if err != nil {
		if core.ClassOf(err) != core.DecodeError {
			t.Fatal(err)
		}
		return nil
	}
	checkHeader(t, "fuzz", h)
	return h
}

// FuzzGeoKeys gives key directories and transforms that nobody wrote: whatever is taken for a transform can be
// inverted.
func FuzzGeoKeys(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 0, 0, 1, 0, 0, 12, 0, 0, 1, 0, 0x79, 0x7f}, []byte("WGS 84|"), []byte{}, uint8(0))
	f.Add([]byte{1, 0, 1, 0, 0, 0, 2, 0, 1, 4, 0, 0, 1, 0, 2, 0, 2, 8, 0x80, 0x87, 1, 0, 9, 0}, []byte("ESRI PE String = "),
		[]byte("\x00\x00\x00\x00\x00\x00\x24\x40\x00\x00\x00\x00\x00\x00\x24\x40"), uint8(1))
	f.Fuzz(func(t *testing.T, keys, ascii, doubles []byte, which uint8) {
		for _, v := range variants() {
			transform := [3]uint16{tagPixelScale, tagTiepoint, tagTransformation}[which%3]
			double := func(id uint16) tag {
				return tag{id: id, kind: typeDouble, count: uint64(len(doubles) / 8), data: doubles[:len(doubles)/8*8]}
			}
			h := fuzzTags(t, v, tag{id: tagGeoKeys, kind: typeShort, count: uint64(len(keys) / 2), data: keys[:len(keys)/2*2]},
				text(tagGeoASCII, string(ascii)), double(tagGeoDoubles), double(transform), v.double(tagTiepoint, 0, 0, 0, 5, 6, 0))
			if h != nil && h.Georef.HasTransform && !h.Georef.Transform.Valid() {
				t.Fatalf("transform %v", h.Georef.Transform)
			}
		}
	})
}

// FuzzMetadata gives GDAL's two private tags any text: scales stay finite numbers, and nodata is a value that a
// pixel can have.
func FuzzMetadata(f *testing.F) {
	f.Add(`<GDALMetadata><Item name="SCALE" sample="0" role="scale">0.5</Item><Item name="OFFSET" sample="0" role="offset">-3</Item></GDALMetadata>`, "7")
	f.Add(`<GDALMetadata><Item name="DESCRIPTION" sample="0" role="description">a &amp;lt;b&gt;</Item>`, "-1.#IND")
	f.Add(`<!DOCTYPE x [<!ENTITY a "aaaa">]><GDALMetadata>&a;</GDALMetadata>`, "1e999")
	f.Fuzz(func(t *testing.T, xml, nodata string) {
		h := fuzzTags(t, le(), text(tagGDALMetadata, xml), text(tagGDALNoData, nodata))
		if h == nil {
			t.Fatal("metadata cost the file")
		}
		for _, list := range [][]float64{h.Scales, h.Offsets} {
			for _, v := range list {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("scales %v, offsets %v", h.Scales, h.Offsets)
				}
			}
		}
		if h.NoData.Set && !h.Levels[0].DType().Holds(h.NoData.Value) {
			t.Fatalf("nodata %v", h.NoData)
		}
	})
}

// FuzzTiles gives sizes, tiles, depths and offsets: any tile that passes CheckTile lies in the file and is no larger than
// the limits allow.
func FuzzTiles(f *testing.F) {
	f.Add(uint32(100), uint32(100), uint32(64), uint32(64), uint16(1), uint16(16), []byte{9, 9, 9, 9}, []byte{8, 0, 0, 0})
	f.Add(uint32(1<<31), uint32(3), uint32(1<<20), uint32(1<<20), uint16(4), uint16(64), []byte{0, 0, 0, 0}, []byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, width, height, tileWidth, tileHeight uint32, samples, bits uint16, offsets, counts []byte) {
		v := le()
		array := func(id uint16, data []byte) tag {
			return tag{id: id, kind: typeLong, count: uint64(len(data) / 4), data: data[:len(data)/4*4]}
		}
		h := fuzzTags(t, v, v.long(tagImageWidth, width), v.long(tagImageLength, height), v.long(tagTileWidth, tileWidth), v.long(tagTileLength, tileHeight),
			v.short(tagSamplesPerPixel, samples), v.short(tagBitsPerSample, bits), array(tagTileOffsets, offsets), array(tagTileByteCounts, counts))
		if h == nil {
			return
		}
		level := &h.Levels[0]
		for i := range min(len(level.Offsets), 1000) {
			r, ok := level.TileRange(i)
			if !ok || h.CheckTile(level, i, DefaultLimits) != nil {
				continue
			}
			if r.Start < 0 || r.End > h.Size || r.Len() > DefaultLimits.MaxCompressedTile {
				t.Fatalf("tile %d at %v of %d bytes passes", i, r, h.Size)
			}
		}
	})
}
