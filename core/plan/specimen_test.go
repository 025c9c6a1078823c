package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
)

// asked is a table that notes how many files each call asked for.
type asked struct {
	table
	counts []int
}

func (a *asked) Headers(ctx context.Context, hrefs []string, each func(int, *cog.Header, error)) {
	a.counts = append(a.counts, len(hrefs))
	a.table.Headers(ctx, hrefs, each)
}

// bare is an item whose catalog tells of its assets but their hrefs, which are the id's and the key's.
func bare(id string, day int64, keys ...string) core.Item {
	made := core.Item{ID: id, Datetime: day * 86400e6}
	for _, key := range keys {
		made.Assets = append(made.Assets, core.ItemAsset{Href: id + key + ".tif",
			AssetDescription: &core.AssetDescription{Key: key, MediaType: "image/tiff; application=geotiff"}})
	}
	return made
}

func (t table) with(id string, x float64, keys ...string) {
	for _, key := range keys {
		t[id+key+".tif"] = utm(id+key+".tif", 32633, x, 5000000, 256)
	}
}

func ignoring(bands ...string) Request {
	req := request("EPSG:32633", 500000, 5000000, 10, 256, 256)
	req.Errors, req.Bands = "ignore", bands
	return req
}

// TestAnAbsentItemTellsOfNoBand: an item of which one file cannot be read gives the grid of no other band.
func TestAnAbsentItemTellsOfNoBand(t *testing.T) {
	headers := table{}
	headers.with("a", 500000, "B03")
	headers.with("b", 502560, "B02", "B03")
	headers.with("c", 505120, "B02", "B03")
	items := []core.Item{bare("a", 1, "B02", "B03"), bare("b", 2, "B02", "B03"), bare("c", 3, "B02", "B03")}
	for _, bands := range [][]string{{"B02", "B03"}, {"B03", "B02"}} {
		req := ignoring(bands...)
		req.Native, req.Grid = true, GridSpec{}
		p := newPlan(t, req, items, headers)
		if p.Grid.Transform.C != 502560 || p.Grid.Cols != 512 {
			t.Errorf("%v: grid from %v of %d columns", bands, p.Grid.Transform.C, p.Grid.Cols)
		}
	}
}

// TestFurtherItemsAreAskedAtOnce: many unreadable items cost one round of requests more, which later steps remember.
func TestFurtherItemsAreAskedAtOnce(t *testing.T) {
	headers := asked{table: table{}}
	var items []core.Item
	for i := range 20 {
		id := fmt.Sprint(i)
		items = append(items, bare(id, int64(i), "B04"))
		if i >= 12 {
			headers.with(id, 500000, "B04")
		}
	}
	p, err := New(t.Context(), ignoring(), items, crs.Projection{}, &headers)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(headers.counts, []int{1, 7, 1}) || p.Bands[0].DType != core.UInt16 {
		t.Errorf("asked for %v files, %+v", headers.counts, p.Bands[0])
	}
	headers.table, headers.counts = table{}, nil
	if _, err = New(t.Context(), ignoring(), items, crs.Projection{}, &headers); core.ClassOf(err) != core.AssetNotFound {
		t.Errorf("got %v", err)
	}
	if e := err.(*core.Error); e.ItemID != "0" || !slices.Equal(headers.counts, []int{1, 7}) {
		t.Errorf("%v after %v files", err, headers.counts)
	}
}

// TestAssetsThatNobodyCanReadAreNoBands: unless there are no others.
func TestAssetsThatNobodyCanReadAreNoBands(t *testing.T) {
	headers := table{}
	headers.with("a", 500000, "B04")
	p := newPlan(t, ignoring(), []core.Item{bare("a", 1, "B01", "B04")}, headers)
	if len(p.Bands) != 1 || p.Bands[0].Name != "B04" || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], `"B01"`) {
		t.Errorf("%+v, %v", p.Bands, p.Warnings)
	}
	_, err := New(t.Context(), ignoring(), []core.Item{bare("b", 1, "B01", "B04")}, crs.Projection{}, headers)
	if e, ok := err.(*core.Error); !ok || e.Class != core.AssetNotFound || e.Band != "B01" {
		t.Errorf("got %v", err)
	}
}

// TestAnAbsentItemTellsNoScale, and is not among those whose scales or types differ.
func TestAnAbsentItemTellsNoScale(t *testing.T) {
	headers := table{}
	headers.with("b", 500000, "B04")
	headers.with("c", 500000, "B04")
	items := []core.Item{bare("a", 1, "B04"), bare("b", 2, "B04"), bare("c", 3, "B04")}
	for i, scale := range []float64{10, 0.5, 0.5} {
		items[i].Assets[0].Bands = []core.AssetBand{{HasScale: true, Scale: scale, Offset: scale / 2}}
	}
	items[0].Assets[0].Bands[0].DType = core.Float64
	p := newPlan(t, ignoring(), items, headers)
	if b := p.Bands[0]; b.Scale != 0.5 || b.Offset != 0.25 || b.MixedScale || b.DType != core.UInt16 {
		t.Errorf("%+v", b)
	}
	items[2].Assets[0].Bands[0].Scale = 2
	if p = newPlan(t, ignoring(), items, headers); p.Bands[0].Scale != 0.5 || !p.Bands[0].MixedScale {
		t.Errorf("%+v", p.Bands[0])
	}
}

// TestMasksAreCheckedByAnItemThatCanBeRead: though the first one cannot.
func TestMasksAreCheckedByAnItemThatCanBeRead(t *testing.T) {
	headers := table{}
	for _, id := range []string{"a", "b"} {
		headers.with(id, 500000, "B04")
	}
	items := []core.Item{bare("a", 1, "B04", "SCL"), bare("b", 2, "B04", "SCL")}
	req := ignoring("B04")
	req.Mask = []MaskRequest{{Asset: "SCL", Classes: [][2]int64{{70000, 70000}}}}
	newPlan(t, req, items, headers) // no file of the mask tells that 70000 is no uint16
	headers.with("b", 500000, "SCL")
	_, err := New(t.Context(), req, items, crs.Projection{}, headers)
	if core.ClassOf(err) != core.InvalidArgument || !strings.Contains(err.Error(), "70000") {
		t.Errorf("got %v", err)
	}
}
