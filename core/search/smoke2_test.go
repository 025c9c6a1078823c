package search

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cogweave/core/table"
)

func TestSmoke2(t *testing.T) {
	e := New(Config{})
	defer e.Close()
	ctx := context.Background()
	for _, f := range []string{"/work/shared/data/stac/parquet/100-landsat-items.parquet", "/work/shared/data/stac/parquet/100-sentinel-2-items.parquet"} {
		r, err := e.Search(ctx, Files(f), &Query{})
		if err != nil {
			t.Fatal(err)
		}
		items, err := table.ParseItems(r.Batches, f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(len(items))
		fmt.Printf("%+v\n", items[0].Assets[3])
		fmt.Println(items[0].ID, items[0].Datetime, items[0].BBox, len(items[0].Assets))
		tb := Table(r.Schema, r.Batches)
		r2, err := e.Search(ctx, tb, &Query{SortBy: []SortKey{{"eo:cloud_cover", true}}, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(r2.Rows)
	}
	t0 := time.Now()
	r, err := e.Search(ctx, Files("/tmp/search/bytime.parquet"), &Query{Assets: []string{"B02", "B03", "B04"}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(time.Since(t0), r.Rows)
	t0 = time.Now()
	items, err := table.ParseItems(r.Batches, "x")
	fmt.Println(time.Since(t0), len(items), err)
	fmt.Printf("%+v\n", items[5])
	_, err = e.Search(ctx, Files("/tmp/search/bytime.parquet"), &Query{SortBy: []SortKey{{"cloud_cover", true}}, Limit: 3})
	fmt.Println(err)
	_, err = e.Search(ctx, Files("/tmp/search/p/gpd.parquet"), &Query{})
	fmt.Println(err)
}
