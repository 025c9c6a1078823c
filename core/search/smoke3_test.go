package search

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
)

func TestSmoke3(t *testing.T) {
	e := New(Config{})
	defer e.Close()
	ctx := context.Background()
	for _, f := range []string{"/work/shared/data/stac/parquet/100-sentinel-2-items.parquet"} {
		for _, filter := range []string{
			`"eo:cloud_cover" < 10`, `eo:cloud_cover < 10 AND proj:epsg = 32613`, `eo:cloud_cover BETWEEN 10 AND 20.5`,
			`datetime > TIMESTAMP('2024-12-01T00:00:00Z')`, `datetime = DATE('2024-12-03')`, `datetime >= '2024-12-03'`,
			`platform LIKE 'Sentinel-2%'`, `CASEI(platform) = CASEI('SENTINEL-2B')`, `platform IN ('Sentinel-2A', 'x')`,
			`NOT (platform = 'Sentinel-2A')`, `sat:relative_orbit + 1 > 50 * 2 - 3`, `eo:cloud_cover IS NULL`, `eo:cloud_cover IS NOT NULL`,
			`S_INTERSECTS(geometry, BBOX(-105.2, 40, -105, 40.2))`, `S_INTERSECTS(geometry, POINT(-105 40))`, `S_WITHIN(geometry, BBOX(-110,30,-100,50))`,
			`T_DURING(datetime, INTERVAL('2024-11-01', '2024-12-01'))`, `T_INTERSECTS(datetime, INTERVAL('..', '2024-12-01'))`,
			`A_CONTAINS(instruments, ('msi'))`, `A_OVERLAPS(instruments, ['x','msi'])`,
			`s2:generation_time > TIMESTAMP('2024-12-01T00:00:00Z')`, `TRUE`, `eo:cloud_cover % 2 < 1`,
			`eo:clou < 3`, `platform < 3`, `platform = `, `geometry = 3`, `assets = 'x'`, `1=1; drop`,
		} {
			text, _ := json.Marshal(filter)
			r, err := e.Search(ctx, Files(f), &Query{Filter: text})
			if err != nil {
				fmt.Println(filter, "ERR", err)
				continue
			}
			fmt.Println(filter, r.Rows)
			r.Release()
		}
	}
}
