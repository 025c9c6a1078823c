package search

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"cogweave/core/table"
)

// benchCatalog is a catalog like Sentinel-2's: 1,000 tiles, one date after the other, five bands.
// COGWEAVE_BENCH_ITEMS sets the number of items (the goals of issue 8 are for 1000000), COGWEAVE_BENCH_CATALOG
// a file of that kind instead.
func benchCatalog(b *testing.B) string {
	b.Helper()
	if path := os.Getenv("COGWEAVE_BENCH_CATALOG"); path != "" {
		return path
	}
	items := os.Getenv("COGWEAVE_BENCH_ITEMS")
	if _, err := strconv.Atoi(items); err != nil {
		items = "100000"
	}
	asset := func(key string) string {
		return `'` + key + `': {'href': 'https://example.com/cogs/' || id || '/` + key + `.tif', 'type': 'image/tiff; application=geotiff; profile=cloud-optimized',
			'roles': ['data'], 'proj:shape': [10980, 10980], 'proj:transform': [10.0, 0, 300000 + x * 100000, 0, -10, 4000000 + y * 100000],
			'raster:bands': [{'nodata': 0, 'data_type': 'uint16', 'scale': 0.0001, 'offset': -0.1}]}`
	}
	w := newWriter(b)
	return w.parquet(filepath.Join(b.TempDir(), "items.parquet"), `WITH
		a AS (SELECT i % 1000 AS tile, i // 1000 AS day FROM range(`+items+`) r(i)),
		c AS (SELECT *, tile % 40 AS tx, tile // 40 AS ty, printf('S2A_T%05d_%04d_0_L2A', tile, day) AS id FROM a),
		d AS (SELECT *, -20 + tx * 0.9 AS x, 30 + ty * 0.9 AS y FROM c)
		SELECT id, 'sentinel-2-l2a' AS collection, make_timestamp(1577874600000000 + day * 86400000000 + tile * 1000000)::TIMESTAMPTZ AS datetime,
			(hash(id) % 10000) / 100.0::DOUBLE AS "eo:cloud_cover", 32600 + tx % 3 AS "proj:epsg",
			{'xmin': x::DOUBLE, 'ymin': y::DOUBLE, 'xmax': x + 1.0::DOUBLE, 'ymax': y + 1.0::DOUBLE} AS bbox,
			{`+asset("B02")+`, `+asset("B03")+`, `+asset("B04")+`, `+asset("B08")+`, `+asset("SCL")+`} AS assets
		FROM d ORDER BY day, tile`, "ROW_GROUP_SIZE 20480", "COMPRESSION zstd")
}

func BenchmarkSearch(b *testing.B) {
	path := benchCatalog(b)
	start := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	end := start + 20*86400*1000000 - 1
	box := [4]float64{5.41, 45.12, 5.52, 45.21}
	bands := []string{"B02", "B03", "B04"}
	for name, q := range map[string]Query{
		"20 days of a tile":             {BBox: &box, Start: &start, End: &end, Assets: bands},
		"20 days of a tile, whole rows": {BBox: &box, Start: &start, End: &end},
		"a tile, all days":              {BBox: &box, Assets: bands},
		"everything":                    {Assets: bands},
	} {
		b.Run(name, func(b *testing.B) {
			e := newEngine(b, Config{})
			if _, err := tryFind(e, Files(path), Query{BBox: &box, Start: &start, End: &end, Assets: bands}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				r, err := e.Search(context.Background(), Files(path), &q)
				if err != nil || r.Rows == 0 {
					b.Fatal(r, err)
				}
				b.ReportMetric(float64(r.Rows), "items")
				r.Release()
			}
		})
	}
	b.Run("20 days of a tile, cold engine, to items", func(b *testing.B) {
		for b.Loop() {
			e := New(Config{})
			r, err := e.Search(context.Background(), Files(path), &Query{BBox: &box, Start: &start, End: &end, Assets: bands})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := table.ParseItems(r.Batches, path); err != nil {
				b.Fatal(err)
			}
			r.Release()
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
