package cog

import (
	"context"
	"fmt"
	"testing"

	"cogweave/core"
)

// sentinel2 builds the header of a Sentinel-2 band: 10980 x 10980 pixels, its overviews, GeoKeys and
// metadata, as GDAL's COG driver lays them out.
func sentinel2(tile uint32) []byte {
	f := le()
	f.lead = fmt.Appendf(nil, "GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\n%140s", "BLOCK_LEADER=SIZE_AS_UINT4\n")
	predictor := f.short(tagPredictor, 2)
	f.dirs = []dir{{tags: f.tiled(10980, 10980, tile, predictor, f.double(tagPixelScale, 10, 10, 0), f.double(tagTiepoint, 0, 0, 0, 6e5, 5e6, 0),
		f.short(tagGeoKeys, 1, 1, 0, 7, 1024, 0, 1, 1, 1025, 0, 1, 1, 1026, 34737, 22, 0, 2049, 34737, 7, 22, 2054, 0, 1, 9102, 3072, 0, 1, 32633, 3076, 0, 1, 9001),
		text(tagGeoASCII, "WGS 84 / UTM zone 33N|WGS 84|"), text(tagGDALNoData, "0"),
		text(tagGDALMetadata, "<GDALMetadata>\n  <Item name=\"OVR_RESAMPLING_ALG\">AVERAGE</Item>\n  <Item name=\"SCALE\" sample=\"0\" role=\"scale\">0.0001</Item>\n</GDALMetadata>\n"))}}
	for size := uint32(5490); size > 300; size /= 2 {
		f.dirs = append(f.dirs, dir{tags: f.tiled(size, size, tile, predictor, f.long(tagNewSubfileType, 1))})
	}
	return f.bytes()
}

// BenchmarkRead parses the header of a Sentinel-2 band that is all in the prefix.
func BenchmarkRead(b *testing.B) {
	for _, tile := range []uint32{1024, 512, 256} {
		data := sentinel2(tile)
		b.Run(fmt.Sprintf("tile=%d/bytes=%d", tile, len(data)), func(b *testing.B) {
			b.ReportAllocs()
			src := quiet{data}
			for b.Loop() {
				if _, err := Read(context.Background(), src, "https://host/a/b.tif", Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// quiet is a Source without bookkeeping.
type quiet struct{ data []byte }

func (q quiet) ReadRange(_ context.Context, r core.ByteRange) ([]byte, error) {
	return q.data[min(r.Start, q.Size()):min(r.End, q.Size())], nil
}

func (q quiet) Size() int64 { return int64(len(q.data)) }
