package plan

import (
	"fmt"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
)

// stack is dates of one tile of 10,240 pixels, in the grid's zone or its neighbour, with headers.
func stack(b *testing.B, gridCRS string, dates, cells int) (*Plan, table) {
	b.Helper()
	headers, items := table{}, []core.Item{}
	for day := range dates {
		href := fmt.Sprintf("%d.tif", day)
		headers[href] = utm(href, 32633, 500000, 5000000, 10240)
		items = append(items, item(fmt.Sprint(day), int64(day), href))
	}
	p, err := New(b.Context(), request(gridCRS, 510000, 4990000, 10, cells, cells), items, crs.Projection{}, headers)
	if err != nil {
		b.Fatal(err)
	}
	return p, headers
}

// BenchmarkNew plans twenty dates on a grid: time steps, levels, outlines.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		stack(b, "EPSG:32633", 20, 512)
	}
}

// BenchmarkReads lists the tiles of a window: twenty dates of 512x512 cells, and one of 2048x2048.
func BenchmarkReads(b *testing.B) {
	for _, c := range []struct {
		name, crs    string
		dates, cells int
	}{
		{"series", "EPSG:32633", 20, 512},
		{"window", "EPSG:32633", 1, 2048},
		{"zones", "EPSG:32632", 1, 2048},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, headers := stack(b, c.crs, c.dates, c.cells)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Reads(b.Context(), p.Whole(), headers); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
