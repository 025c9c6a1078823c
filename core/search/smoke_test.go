package search

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	e := New(Config{})
	defer e.Close()
	for _, f := range []string{"/tmp/search/bytile.parquet", "/tmp/search/bytime.parquet"} {
		s0 := time.Date(2021, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		s1 := s0 + 20*86400*1e6 - 1
		box := [4]float64{5.41, 45.12, 5.52, 45.21}
		for range 3 {
			for _, q := range []Query{
				{BBox: &box, Start: &s0, End: &s1},
				{BBox: &box, Start: &s0, End: &s1, Assets: []string{"B02", "B03", "B04"}},
				{BBox: &box, Assets: []string{"B02", "B03", "B04"}},
				{BBox: &[4]float64{5, 40, 8, 44}, Assets: []string{"B02", "B03", "B04"}},
				{SortBy: []SortKey{{"eo:cloud_cover", false}}, BBox: &box, Start: &s0, End: &s1},
			} {
				t0 := time.Now()
				r, err := e.Search(context.Background(), Files(f), &q)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Printf("%v rows %d batches %d cols %d\n", time.Since(t0), r.Rows, len(r.Batches), r.Schema.NumFields())
				r.Release()
			}
		}
	}
}
